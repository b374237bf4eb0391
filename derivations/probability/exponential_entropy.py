"""The entropy of the exponential density.

    python derivations/probability/exponential_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("exponential_entropy"))
