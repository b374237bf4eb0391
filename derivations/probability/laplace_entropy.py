"""The entropy of the Laplace density.

    python derivations/probability/laplace_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("laplace_entropy"))
