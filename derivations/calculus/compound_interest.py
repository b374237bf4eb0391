"""The limit of (1 + r/n)^n for n to infinity.

    python derivations/calculus/compound_interest.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("compound_interest"))
