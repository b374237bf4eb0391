"""The score-function estimator of a normal mean; the score has expectation 0.

    python derivations/probability/score_function.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("score_function"))
