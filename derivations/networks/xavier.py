"""The variance of the weights that keeps the variance of a linear layer: 1/n.

    python derivations/networks/xavier.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("xavier"))
