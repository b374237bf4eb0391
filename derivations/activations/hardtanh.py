"""The derivatives of minimum(maximum(x, -1), 1) by x.

    python derivations/activations/hardtanh.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("hardtanh"))
