"""The mean absolute error; where an error is 0 its derivative is 0.

    python derivations/losses/l1.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("l1"))
