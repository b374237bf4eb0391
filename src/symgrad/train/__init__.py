"""Training: `fit` runs the derived gradient and the optimiser's update as one compiled step."""

from .fitted import Epoch, Fit
from .loop import fit

__all__ = ["Epoch", "Fit", "fit"]
