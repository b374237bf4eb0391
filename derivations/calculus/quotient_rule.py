"""The derivative of a quotient, sin(x)/x.

    python derivations/calculus/quotient_rule.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("quotient_rule"))
