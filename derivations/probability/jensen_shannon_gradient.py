"""The gradient of the jensen shannon of probabilities.

    python derivations/probability/jensen_shannon_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("jensen_shannon_gradient"))
