"""The derivative of x - tanh(x) by x.

    python derivations/activations/tanhshrink.py --out tanhshrink.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("tanhshrink"))
