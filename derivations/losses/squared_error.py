"""The squared errors summed over the outputs, then their mean over the examples.

    python derivations/losses/squared_error.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("squared_error"))
