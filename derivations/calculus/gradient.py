"""The gradient of x^2 + y^2 is (2x, 2y).

    python derivations/calculus/gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gradient"))
