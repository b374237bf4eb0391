"""What Newton's method solves with: gradient and Hessian of logistic regression.

    python derivations/optimisation/newton.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("newton"))
