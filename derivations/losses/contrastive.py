"""The contrastive loss of representations.

    python derivations/losses/contrastive.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("contrastive"))
