"""e^x + e^-x - x^2 is convex: the sign of its second derivative is proved.

    python derivations/calculus/convex_by_its_second_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("convex_by_its_second_derivative"))
