"""The minimum of x s(x): about -0.278, at -1.278.

    python derivations/activations/silu_minimum.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("silu_minimum"))
