"""From the derivative by the eigenvalues of a symmetric matrix to that by the matrix.

    python derivations/calculus/eigenvalues.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("eigenvalues"))
