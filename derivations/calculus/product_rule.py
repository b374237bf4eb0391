"""The derivative of a product, x^2 e^x.

    python derivations/calculus/product_rule.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("product_rule"))
