"""RMSprop: steps scaled by a running mean of the squared gradient; `centered` by the variance (Graves 2013). The
step by g.

    python derivations/optimisation/rmsprop.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("rmsprop"))
