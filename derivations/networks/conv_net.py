"""Convolutions with padding, each followed by an activation and max pooling, then a dense layer of all that is
left and a softmax.

    python derivations/networks/conv_net.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("conv_net"))
