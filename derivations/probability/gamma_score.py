"""The score of the gamma density: its logarithm by its parameters.

    python derivations/probability/gamma_score.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gamma_score"))
