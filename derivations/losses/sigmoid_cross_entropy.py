"""Binary cross-entropy of a sigmoid: the derivative by the logit is p - y, the second one p(1 - p).

    python derivations/losses/sigmoid_cross_entropy.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sigmoid_cross_entropy"))
