"""The shortest x with A x = b lies in the range of A^T.

    python derivations/calculus/least_norm.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("least_norm"))
