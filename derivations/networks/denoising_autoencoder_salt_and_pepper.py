"""A denoising autoencoder whose input is corrupted by salt and pepper noise.

    python derivations/networks/denoising_autoencoder_salt_and_pepper.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("denoising_autoencoder_salt_and_pepper"))
