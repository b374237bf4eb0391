"""The derivatives of prelu(x, alpha) by x and by alpha.

    python derivations/activations/prelu.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("prelu"))
