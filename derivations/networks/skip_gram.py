"""Word vectors by negative sampling: the centre word predicts a context word against `negatives` drawn ones.

    python derivations/networks/skip_gram.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("skip_gram"))
