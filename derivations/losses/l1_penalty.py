"""What the l1 penalty adds.

    python derivations/losses/l1_penalty.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("l1_penalty"))
