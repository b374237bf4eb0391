"""Adam: steps scaled by running means of the gradient and of its square, corrected for their start at zero. The
step by g.

    python derivations/optimisation/adam.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adam"))
