"""The score of the multivariate normal density: its logarithm by its parameters.

    python derivations/probability/multivariate_normal_score.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("multivariate_normal_score"))
