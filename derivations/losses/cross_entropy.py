"""Minus the logarithm of the softmax at the label; the labels are integers.

    python derivations/losses/cross_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cross_entropy"))
