"""A gradient scaled down until its norm is at most a bound.

    python derivations/optimisation/clip_by_norm.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("clip_by_norm"))
