"""The derivative of (3x + 2)^2 is 6 (3x + 2).

    python derivations/calculus/chain_rule.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("chain_rule"))
