"""KL(Y || softmax of the scores), the mean over the examples: torch's kl_div(log_softmax(z), Y, "batchmean").

    python derivations/losses/kl_div.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_div"))
