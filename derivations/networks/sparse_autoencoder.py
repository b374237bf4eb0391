"""An autoencoder whose code is kept small by a penalty on its mean activations.

    python derivations/networks/sparse_autoencoder.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sparse_autoencoder"))
