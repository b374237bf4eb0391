"""The derivative of tanh is at most 1.

    python derivations/activations/tanh_slope.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("tanh_slope"))
