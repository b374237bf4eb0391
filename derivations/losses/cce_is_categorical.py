"""The categorical cross-entropy is the negative log-likelihood of a categorical variable.

    python derivations/losses/cce_is_categorical.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cce_is_categorical"))
