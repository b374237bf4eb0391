"""Backpropagation by hand: two inputs, three sigmoid units, one output, half the squared error of one example.

    python derivations/networks/backprop_2_3_1.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("backprop_2_3_1"))
