"""The derivatives of log_sigmoid(x) by x.

    python derivations/activations/log_sigmoid.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("log_sigmoid"))
