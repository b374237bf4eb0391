"""The pinball loss, least at the quantile `tau` of the target.

    python derivations/losses/quantile.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("quantile"))
