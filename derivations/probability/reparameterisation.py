"""z = mu + sigma eps: dz/dmu = 1 and dz/dsigma = eps, so that a sample is differentiated by its distribution.

    python derivations/probability/reparameterisation.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("reparameterisation"))
