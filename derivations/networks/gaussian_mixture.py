"""The mean negative log-likelihood of a mixture of normals with diagonal covariances.

    python derivations/networks/gaussian_mixture.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_mixture"))
