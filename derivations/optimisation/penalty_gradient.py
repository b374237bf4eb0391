"""The derivative of a validation loss by the strength of an L2 penalty.

    python derivations/optimisation/penalty_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("penalty_gradient"))
