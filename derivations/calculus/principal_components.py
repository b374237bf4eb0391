"""The largest w^T S w with |w| = 1, for any size: S w = lambda w.

    python derivations/calculus/principal_components.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("principal_components"))
