"""Newton's step is the minimum of the quadratic Taylor model.

    python derivations/optimisation/newton_step.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("newton_step"))
