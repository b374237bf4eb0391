"""The integral of x y^2 over a triangle, the inner one first.

    python derivations/calculus/double_integral.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("double_integral"))
