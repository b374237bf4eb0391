"""The derivatives of gelu_tanh(x) by x.

    python derivations/activations/gelu_tanh.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gelu_tanh"))
