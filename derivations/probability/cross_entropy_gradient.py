"""The gradient of the cross entropy of probabilities.

    python derivations/probability/cross_entropy_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cross_entropy_gradient"))
