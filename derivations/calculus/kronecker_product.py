"""From the derivative by A kron B to those by A and B.

    python derivations/calculus/kronecker_product.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kronecker_product"))
