"""The pull-back of conv 2d, from the derivative by its output.

    python derivations/networks/conv_2d.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("conv_2d"))
