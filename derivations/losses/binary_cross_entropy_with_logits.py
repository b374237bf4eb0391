"""The same of the sigmoid of the scores.

    python derivations/losses/binary_cross_entropy_with_logits.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("binary_cross_entropy_with_logits"))
