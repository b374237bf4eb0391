"""From the derivative by the singular values to that by the matrix.

    python derivations/calculus/singular_values.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("singular_values"))
