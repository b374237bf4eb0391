"""The largest difference of the exact GELU and its approximation by tanh: 4.7e-4.

    python derivations/activations/gelu_difference.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gelu_difference"))
