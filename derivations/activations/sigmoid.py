"""The derivative of the logistic function is s(1 - s).

    python derivations/activations/sigmoid.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sigmoid"))
