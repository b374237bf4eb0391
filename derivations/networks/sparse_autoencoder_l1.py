"""A sparse autoencoder with an L1 penalty on its code.

    python derivations/networks/sparse_autoencoder_l1.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sparse_autoencoder_l1"))
