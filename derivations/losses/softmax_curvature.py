"""The Hessian of softmax and cross-entropy by the scores is diag(p) - p p^T.

    python derivations/losses/softmax_curvature.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("softmax_curvature"))
