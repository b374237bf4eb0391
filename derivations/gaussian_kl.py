"""KL divergence of two diagonal Gaussians: `dKL_dmu = (mu - nu)/tau^2`, `dKL_dsigma = sigma/tau^2 - 1/sigma`.

    python derivations/gaussian_kl.py
    python derivations/gaussian_kl.py --out gaussian_kl.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_kl"))
