"""The product of the Gauss-Newton matrix J^T J with a vector, for residuals of an exponential.

    python derivations/optimisation/gauss_newton.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gauss_newton"))
