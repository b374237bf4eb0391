"""Of all q the posterior p(x, z)/p(x) makes the evidence lower bound largest, for any number of values of z.

    python derivations/probability/elbo_is_largest_at_the_posterior.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("elbo_is_largest_at_the_posterior"))
