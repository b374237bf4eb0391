"""The gradient of x^T A x is (A + A^T) x, its Hessian A + A^T.

    python derivations/calculus/quadratic_form.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("quadratic_form"))
