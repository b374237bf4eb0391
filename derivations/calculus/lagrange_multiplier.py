"""The largest product of two numbers with sum 1.

    python derivations/calculus/lagrange_multiplier.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("lagrange_multiplier"))
