"""Least squares: `dL_dw = X^T (X w - y)`.

    python derivations/linear_regression.py
    python derivations/linear_regression.py --out linear_regression.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linear_regression"))
