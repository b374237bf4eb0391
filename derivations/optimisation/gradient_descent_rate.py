"""The rate of gradient descent on a quadratic, from the eigenvalues of its Hessian.

    python derivations/optimisation/gradient_descent_rate.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gradient_descent_rate"))
