"""The gradient of the divergence of two densities: laplace.

    python derivations/probability/laplace_kl_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("laplace_kl_gradient"))
