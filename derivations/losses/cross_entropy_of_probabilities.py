"""Minus the logarithm of a given probability `z` at the label.

    python derivations/losses/cross_entropy_of_probabilities.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cross_entropy_of_probabilities"))
