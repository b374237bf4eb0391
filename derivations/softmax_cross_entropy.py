"""Cross-entropy of a softmax: `dL_dz = (p - Y)/N`, where each row of Y sums to one.

    python derivations/softmax_cross_entropy.py
    python derivations/softmax_cross_entropy.py --out softmax_cross_entropy.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("softmax_cross_entropy"))
