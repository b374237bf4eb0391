"""The loss of one sigmoid neuron by its weight, along z, p and L.

    python derivations/calculus/chain_rule_of_a_neuron.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("chain_rule_of_a_neuron"))
