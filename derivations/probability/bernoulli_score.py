"""The score of the bernoulli density: its logarithm by its parameters.

    python derivations/probability/bernoulli_score.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bernoulli_score"))
