"""The divergence of two normal densities by integration.

    python derivations/probability/kl_normal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_normal"))
