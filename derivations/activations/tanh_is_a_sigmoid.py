"""tanh x = 2 s(2x) - 1.

    python derivations/activations/tanh_is_a_sigmoid.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("tanh_is_a_sigmoid"))
