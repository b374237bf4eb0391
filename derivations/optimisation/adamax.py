"""Adamax: Adam with the largest recent gradient in the place of the root mean square. The step by g.

    python derivations/optimisation/adamax.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adamax"))
