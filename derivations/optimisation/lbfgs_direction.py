"""The two loops of L-BFGS with one stored pair: the Jacobian of the direction by g is the matrix of BFGS.

    python derivations/optimisation/lbfgs_direction.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("lbfgs_direction"))
