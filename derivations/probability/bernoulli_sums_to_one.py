"""The Bernoulli density sums to one.

    python derivations/probability/bernoulli_sums_to_one.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bernoulli_sums_to_one"))
