"""The divergence of two Dirichlet densities, with digamma.

    python derivations/probability/kl_dirichlet.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_dirichlet"))
