"""Cross-entropy of a softmax: the derivative by the scores is (p - Y)/N where Y sums to one.

    python derivations/losses/softmax_cross_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("softmax_cross_entropy"))
