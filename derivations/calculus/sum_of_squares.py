"""The gradient of x^T x is 2x.

    python derivations/calculus/sum_of_squares.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sum_of_squares"))
