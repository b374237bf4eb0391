"""The divergence of two Laplace densities by integration, piece by piece.

    python derivations/probability/kl_laplace.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_laplace"))
