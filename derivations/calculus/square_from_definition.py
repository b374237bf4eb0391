"""The derivative of x^2 from the limit of its difference quotient, and by rule.

    python derivations/calculus/square_from_definition.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("square_from_definition"))
