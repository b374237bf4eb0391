"""The pull-back of rnn cell, from the derivative by its output.

    python derivations/networks/rnn_cell.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("rnn_cell"))
