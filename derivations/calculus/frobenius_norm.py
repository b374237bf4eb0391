"""The gradient of the squared Frobenius norm of X is 2X.

    python derivations/calculus/frobenius_norm.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("frobenius_norm"))
