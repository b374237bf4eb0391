"""Backpropagation through a multilayer perceptron, derived layer by layer.

    python derivations/mlp_backprop.py
    python derivations/mlp_backprop.py --out mlp_backprop.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mlp_backprop"))
