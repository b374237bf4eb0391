"""A denoising autoencoder whose input is corrupted by masking noise.

    python derivations/networks/denoising_autoencoder_masking.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("denoising_autoencoder_masking"))
