"""The entropy of the gamma density.

    python derivations/probability/gamma_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gamma_entropy"))
