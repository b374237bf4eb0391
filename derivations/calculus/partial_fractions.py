"""An antiderivative of 1/(x^2 - 1).

    python derivations/calculus/partial_fractions.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("partial_fractions"))
