"""The two pieces of Huber's loss meet at -delta, and so do their derivatives.

    python derivations/losses/huber_is_smooth_below.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("huber_is_smooth_below"))
