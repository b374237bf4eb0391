"""The integral of e^(-a x^2) over the line.

    python derivations/calculus/gaussian_integral.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_integral"))
