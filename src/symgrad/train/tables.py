"""What people do with tables before training: `sg.tables.prepare`, `column`, `split`, `folds`."""

from .columns import column
from .features import Preparation, prepare
from .splits import Split, TestSet, TestSetWarning, folds, split

__all__ = ["Preparation", "Split", "TestSet", "TestSetWarning", "column", "folds", "prepare", "split"]
