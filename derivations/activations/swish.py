"""The derivative of x*sigmoid(beta*x) by x and by beta.

    python derivations/activations/swish.py --out swish.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("swish"))
