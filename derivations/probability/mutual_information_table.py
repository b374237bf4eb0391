"""The mutual information of two variables from the table of their joint probabilities.

    python derivations/probability/mutual_information_table.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mutual_information_table"))
