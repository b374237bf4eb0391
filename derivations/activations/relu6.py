"""The derivatives of minimum(maximum(x, 0), 6) by x.

    python derivations/activations/relu6.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("relu6"))
