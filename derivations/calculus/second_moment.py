"""The expectation of x^2 under a normal density.

    python derivations/calculus/second_moment.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("second_moment"))
