"""The mean of the squared errors, over all entries.

    python derivations/losses/mse.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mse"))
