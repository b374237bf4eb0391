"""The entropy of the categorical density.

    python derivations/probability/categorical_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("categorical_entropy"))
