"""The nearest point of a polygon, by its multipliers.

    python derivations/calculus/kkt_conditions.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kkt_conditions"))
