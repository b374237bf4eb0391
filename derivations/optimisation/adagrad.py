"""Adagrad: steps scaled by the root of the sum of all squared gradients. The step by g.

    python derivations/optimisation/adagrad.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adagrad"))
