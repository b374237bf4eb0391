"""The divergence of a Laplace density from a normal one by integration.

    python derivations/probability/kl_laplace_normal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_laplace_normal"))
