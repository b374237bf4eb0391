"""Encoder and decoder of dense layers around a code `c`, trained on the squared error of `X` itself.

    python derivations/networks/autoencoder.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("autoencoder"))
