"""z = mu + sigma eps step by step: dz/dmu = 1, dz/dsigma = eps.

    python derivations/probability/reparameterised_sample.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("reparameterised_sample"))
