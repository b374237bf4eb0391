"""The slope dy/dx of the circle x^2 + y^2 = 25.

    python derivations/calculus/implicit_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("implicit_derivative"))
