"""The squared error is the negative log-likelihood of a normal density.

    python derivations/losses/mse_is_normal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mse_is_normal"))
