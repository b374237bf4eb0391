"""The derivative of the sigmoid is at most 1/4.

    python derivations/activations/sigmoid_slope.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sigmoid_slope"))
