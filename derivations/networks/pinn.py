"""A network `u` of one number that solves a differential equation.

    python derivations/networks/pinn.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("pinn"))
