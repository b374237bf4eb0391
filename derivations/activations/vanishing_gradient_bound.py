"""The product of ten derivatives of the sigmoid is at most 1/4^10 = 9.5e-7.

    python derivations/activations/vanishing_gradient_bound.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("vanishing_gradient_bound"))
