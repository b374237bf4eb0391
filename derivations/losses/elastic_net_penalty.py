"""What the elastic net penalty adds.

    python derivations/losses/elastic_net_penalty.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("elastic_net_penalty"))
