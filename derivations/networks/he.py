"""The variance of the weights that keeps the variance of a layer of rectifiers: 2/n.

    python derivations/networks/he.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("he"))
