"""The gradient of a^T X b by X is a b^T.

    python derivations/calculus/bilinear_form.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bilinear_form"))
