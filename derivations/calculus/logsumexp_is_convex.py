"""log(e^x + e^y) is convex.

    python derivations/calculus/logsumexp_is_convex.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("logsumexp_is_convex"))
