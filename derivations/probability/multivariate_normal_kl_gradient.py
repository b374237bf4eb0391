"""The gradient of the divergence of two densities: multivariate normal.

    python derivations/probability/multivariate_normal_kl_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("multivariate_normal_kl_gradient"))
