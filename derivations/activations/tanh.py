"""The derivative of the hyperbolic tangent is 1 - t^2.

    python derivations/activations/tanh.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("tanh"))
