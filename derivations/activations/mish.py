"""The derivatives of mish(x) by x.

    python derivations/activations/mish.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mish"))
