"""An autoencoder that sees `X` corrupted by noise and is asked for `X`.

    python derivations/networks/denoising_autoencoder.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("denoising_autoencoder"))
