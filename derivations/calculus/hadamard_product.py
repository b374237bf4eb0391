"""The gradient of the sum of A * X, element by element, is A.

    python derivations/calculus/hadamard_product.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("hadamard_product"))
