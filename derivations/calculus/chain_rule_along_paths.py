"""One factor for each edge, one term for each path: the derivative of u v + e^u by x.

    python derivations/calculus/chain_rule_along_paths.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("chain_rule_along_paths"))
