"""Backpropagation through a network with two hidden layers and a softmax cross-entropy loss.

    python derivations/networks/mlp_backprop.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mlp_backprop"))
