"""The error of gradient descent on h x^2/2 after t steps: (1 - eta h)^t, by induction.

    python derivations/optimisation/gradient_descent_error.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gradient_descent_error"))
