"""The gradient of a^T x is a.

    python derivations/calculus/inner_product.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("inner_product"))
