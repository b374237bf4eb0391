"""Minus the log-probability at the label; the scores are log-probabilities, as of a log_softmax.

    python derivations/losses/nll.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("nll"))
