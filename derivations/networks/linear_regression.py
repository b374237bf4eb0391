"""Least squares: the gradient is X^T (X w - y).

    python derivations/networks/linear_regression.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linear_regression"))
