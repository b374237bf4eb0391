"""The loss of logistic regression is convex in its weights.

    python derivations/calculus/logistic_regression_is_convex.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("logistic_regression_is_convex"))
