"""Two linear layers are one: the Jacobian of the output by the input is the product of the matrices.

    python derivations/networks/stacked_linear.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("stacked_linear"))
