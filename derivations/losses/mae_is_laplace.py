"""The absolute error is the negative log-likelihood of a Laplace density.

    python derivations/losses/mae_is_laplace.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mae_is_laplace"))
