"""The derivatives of hardswish(x) by x.

    python derivations/activations/hardswish.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("hardswish"))
