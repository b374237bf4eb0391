"""From the derivative by A^-1 to that by A: -A^-T B A^-T.

    python derivations/calculus/inverse.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("inverse"))
