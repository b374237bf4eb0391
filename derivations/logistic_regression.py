"""Logistic regression: `dL_dw = X^T (p - y)/N`, `dL_db = sum_n (p_n - y_n)/N`.

    python derivations/logistic_regression.py
    python derivations/logistic_regression.py --out logistic_regression.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("logistic_regression"))
