"""The derivative of a polynomial.

    python derivations/calculus/power_and_sum_rule.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("power_and_sum_rule"))
