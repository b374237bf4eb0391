"""Binary cross-entropy of a sigmoid: the gradient is X^T (p - y)/N.

    python derivations/networks/logistic_regression.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("logistic_regression"))
