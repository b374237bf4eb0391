"""Adadelta: the ratio of running means of squared steps and squared gradients. The step by g.

    python derivations/optimisation/adadelta.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adadelta"))
