"""The cosine schedule of a learning rate x, by t.

    python derivations/optimisation/cosine_schedule.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cosine_schedule"))
