"""The gradient of tr(A X) by X is A^T.

    python derivations/calculus/trace_of_a_product.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("trace_of_a_product"))
