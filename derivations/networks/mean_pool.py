"""The pull-back of mean pool, from the derivative by its output.

    python derivations/networks/mean_pool.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("mean_pool"))
