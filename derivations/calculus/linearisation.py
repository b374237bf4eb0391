"""The tangent of sqrt(x) at 1, with the remainder.

    python derivations/calculus/linearisation.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linearisation"))
