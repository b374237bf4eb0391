"""The mean of log(cosh(error)).

    python derivations/losses/log_cosh.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("log_cosh"))
