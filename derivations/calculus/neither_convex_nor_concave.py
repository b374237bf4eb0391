"""x^4 - 3x^2 is neither convex nor concave: points that refute both.

    python derivations/calculus/neither_convex_nor_concave.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("neither_convex_nor_concave"))
