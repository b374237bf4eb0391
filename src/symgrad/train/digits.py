"""The handwritten digits of scikit-learn: 1,797 real images of 8 x 8 pixels (Alpaydin and Kaynak, UCI, 1998)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import SymgradError
from ..library.models import mlp
from ..library.optimizers import adam
from .fitted import Fit
from .loop import fit

LAYERS = (64, 128, 64, 10)


@dataclass(frozen=True)
class Split:
    """Pixels in 0..1 as rows of 64, and digits 0..9; a fifth is held out, each digit in its share."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Result:
    seed: int
    fit: Fit
    accuracy: float  # on the held-out fifth, 0..1

    @property
    def seconds(self) -> float:
        """Time in the epochs; deriving and compiling are not in it."""
        return sum(epoch.seconds for epoch in self.fit.history)


def load_split(seed: int) -> Split:
    """The split that belongs to `seed`."""
    try:
        from sklearn.datasets import load_digits  # noqa: PLC0415  (an extra)
        from sklearn.model_selection import train_test_split  # noqa: PLC0415
    except ImportError:
        raise SymgradError('The digits come with scikit-learn: pip install "symgrad[train]".') from None
    pixels, digits = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(pixels / 16, digits, test_size=0.2, stratify=digits, random_state=seed)
    return Split(X, y, X_test, y_test)


def sklearn_accuracy(seed: int) -> float:
    """What scikit-learn's MLPClassifier of the same architecture reaches on the same split, at its own defaults."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (an extra)
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    split = load_split(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its 200 epochs are what is asked for
        classifier = MLPClassifier(LAYERS[1:-1], random_state=seed).fit(split.X, split.y)
    return float(classifier.score(split.X_test, split.y_test))


def train_digits(
    seed: int = 0, epochs: int = 60, batch_size: int = 64, lr: float = 2e-3, progress: bool = False, **options: Any
) -> Result:
    """Train the network on four fifths of the digits (a tenth of them for validation) and score it on the rest."""
    split = load_split(seed)
    done = fit(
        mlp(*LAYERS), (split.X, split.y), optimizer=adam(lr), epochs=epochs, batch_size=batch_size, validation=0.1,
        seed=seed, progress=progress, **options,
    )  # fmt: skip
    predicted = done.predict(X=split.X_test).argmax(axis=1)
    return Result(seed, done, float(np.mean(predicted == split.y_test)))
