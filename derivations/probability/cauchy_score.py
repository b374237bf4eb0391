"""The score of the cauchy density: its logarithm by its parameters.

    python derivations/probability/cauchy_score.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cauchy_score"))
