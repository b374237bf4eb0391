"""Huber's loss divided by its width.

    python derivations/losses/smooth_l1.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("smooth_l1"))
