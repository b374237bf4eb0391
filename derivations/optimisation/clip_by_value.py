"""Every entry of a gradient between two bounds: its Jacobian is 1 inside and 0 outside.

    python derivations/optimisation/clip_by_value.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("clip_by_value"))
