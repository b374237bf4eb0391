"""Among densities of one variance the Gaussian has the largest entropy.

    python derivations/calculus/gaussian_has_maximum_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_has_maximum_entropy"))
