"""KL divergence of two diagonal Gaussians: its gradient by the mean and the standard deviation.

    python derivations/probability/gaussian_kl.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_kl"))
