"""Three affine layers one after the other are one affine layer.

    python derivations/networks/linear_layers_collapse.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linear_layers_collapse"))
