"""-y log z - (1 - y) log(1 - z) of given probabilities `z`; 0 log 0 is 0.

    python derivations/losses/binary_cross_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("binary_cross_entropy"))
