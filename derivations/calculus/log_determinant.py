"""The gradient of log det A is the inverse of A, transposed.

    python derivations/calculus/log_determinant.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("log_determinant"))
