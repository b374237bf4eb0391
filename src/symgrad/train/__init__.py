"""Training: `fit` runs the derived gradient and the optimiser's update as one compiled step; `minimize` and `curve_fit`
give SciPy's solvers derived derivatives."""

from .curve_fit import curve_fit
from .curve_fitted import CurveFit
from .epoch import Epoch, Running
from .fitted import Fit
from .hyper import hypergradient
from .loop import fit
from .minimize import minimize
from .optimum import Minimum

__all__ = ["CurveFit", "Epoch", "Fit", "Minimum", "Running", "curve_fit", "fit", "hypergradient", "minimize"]
