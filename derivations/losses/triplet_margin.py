"""The triplet margin loss of representations.

    python derivations/losses/triplet_margin.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("triplet_margin"))
