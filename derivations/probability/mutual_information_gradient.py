"""The gradient of the mutual information of probabilities.

    python derivations/probability/mutual_information_gradient.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mutual_information_gradient"))
