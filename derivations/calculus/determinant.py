"""The gradient of det A is its cofactors: the adjugate, transposed.

    python derivations/calculus/determinant.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("determinant"))
