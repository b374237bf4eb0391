"""From dL/dz to dL/dW = dL/dz x^T and dL/dx = W^T dL/dz, where z = W x.

    python derivations/calculus/linear_layer_by_its_weights.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linear_layer_by_its_weights"))
