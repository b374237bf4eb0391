"""Lion: the sign of an interpolated momentum. The step by w.

    python derivations/optimisation/lion.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("lion"))
