"""The Fisher information matrix of a normal density: the metric of the natural gradient.

    python derivations/probability/fisher_normal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("fisher_normal"))
