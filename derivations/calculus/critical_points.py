"""A saddle and a minimum: the critical points of x^3 + y^3 - 3xy, classified.

    python derivations/calculus/critical_points.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("critical_points"))
