"""Ratings `y[n]` of item `v[n]` by user `u[n]` as inner products, with biases and an L2 penalty.

    python derivations/networks/matrix_factorization.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("matrix_factorization"))
