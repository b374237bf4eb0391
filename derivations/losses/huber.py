"""Half the squared error up to `delta`, linear beyond: `delta*(|r| - delta/2)`.

    python derivations/losses/huber.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("huber"))
