"""The normal density has integral 1.

    python derivations/calculus/normalised_density.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("normalised_density"))
