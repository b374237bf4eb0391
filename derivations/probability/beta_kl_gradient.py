"""The gradient of the divergence of two densities: beta.

    python derivations/probability/beta_kl_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("beta_kl_gradient"))
