"""The derivative of the loss by the input of a network: the direction of an adversarial example.

    python derivations/networks/input_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("input_gradient"))
