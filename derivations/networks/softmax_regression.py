"""Logistic regression with several classes; the labels are integers.

    python derivations/networks/softmax_regression.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("softmax_regression"))
