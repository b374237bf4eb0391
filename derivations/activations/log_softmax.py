"""The Jacobian of log_softmax with temperature t.

    python derivations/activations/log_softmax.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("log_softmax"))
