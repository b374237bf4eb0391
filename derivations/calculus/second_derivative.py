"""The second derivative of e^(-x^2/2).

    python derivations/calculus/second_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("second_derivative"))
