"""The update of BFGS to the inverse Hessian, from the last step s and the change y of the gradient.

    python derivations/optimisation/bfgs_update.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bfgs_update"))
