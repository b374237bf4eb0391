"""The differential of an inverse matrix.

    python derivations/calculus/inverse_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("inverse_derivative"))
