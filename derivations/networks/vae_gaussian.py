"""A variational autoencoder whose decoder is normal with unit variance.

    python derivations/networks/vae_gaussian.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("vae_gaussian"))
