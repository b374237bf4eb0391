"""The gradient of the entropy of probabilities.

    python derivations/probability/entropy_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("entropy_gradient"))
