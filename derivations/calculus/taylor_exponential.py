"""Taylor's formula of e^x with its remainder.

    python derivations/calculus/taylor_exponential.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("taylor_exponential"))
