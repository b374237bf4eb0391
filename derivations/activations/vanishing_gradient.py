"""Through ten sigmoids the derivative is a product of ten s(1 - s), each at most 1/4: at most 9.5e-7.

    python derivations/activations/vanishing_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("vanishing_gradient"))
