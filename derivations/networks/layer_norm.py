"""The pull-back of layer norm, from the derivative by its output.

    python derivations/networks/layer_norm.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("layer_norm"))
