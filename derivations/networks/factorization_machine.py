"""All pairwise interactions through factors, in linear time.

    python derivations/networks/factorization_machine.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("factorization_machine"))
