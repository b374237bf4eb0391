"""scikit-learn estimators over any program: `sg.sklearn.Classifier`, `Regressor`, `Transformer`.

    model = sg.sklearn.Classifier(sg.models.mlp("d", 32, "k"), epochs=100)
    make_pipeline(StandardScaler(), model).fit(X, y)

A program says what it reads: the input that the prediction reads is X, the other one that the loss reads is y. Sizes
that are letters are taken from the data. Only text and arrays are pickled; a kernel comes from the cache again.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClassNamePrefixFeaturesOutMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, column_or_1d, validate_data

from ..errors import SymgradError, did_you_mean
from ..ir.system import System, Tensor
from ..library.optimizers import Optimizer
from .arguments import by_name
from .data import inputs_of
from .fitted import Fit, evaluated
from .loop import fit
from .model import loss_of, prediction_of, raw_system

__all__ = ["Classifier", "Regressor", "Transformer"]
OPTIONS = tuple(inspect.signature(fit).parameters)
OWN = ("program", "data", "loss", "prediction", "optimizer", "epochs", "batch_size", "dtype", "seed")


class _Estimator(BaseEstimator):
    """What the three share. `program` is text or a Program; `options` are further arguments of `sg.fit`."""

    def __init__(
        self,
        program: Any,
        loss: str | None = None,
        prediction: str | None = None,
        optimizer: Any = "adam",
        epochs: int = 200,
        batch_size: int | None = 64,
        dtype: str = "float64",
        random_state: Any = 0,
        options: dict | None = None,
    ):
        self.program = program
        self.loss = loss
        self.prediction = prediction
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.dtype = dtype
        self.random_state = random_state
        self.options = options

    def _named(self, system: System) -> tuple[str, str, str, str | None]:
        """Loss, prediction, and the inputs that X and y are bound to."""
        loss, prediction = loss_of(system, self.loss), prediction_of(system, self.prediction)
        if prediction is None:
            raise SymgradError("name what is predicted: prediction='p'.")
        options = self._options()
        aside = {*options.get("schedules", {}), *options.get("evaluation", {})}
        read = [t.name for t in _data(system.prune([prediction])) if t.name not in aside]
        others = [t.name for t in _data(system.prune([loss])) if t.name not in (*read, *aside)]
        if len(read) != 1 or len(others) > 1:
            raise SymgradError(
                "an estimator binds X to the one input that the prediction reads, and y to the one that only the loss "
                f"reads; here these are {', '.join(read) or 'none'} and {', '.join(others) or 'none'}. "
                "Several inputs of a prediction can be columns of one, as in X[n, size(d) - 1]."
            )
        return loss, prediction, read[0], others[0] if others else None

    def _options(self) -> dict[str, Any]:
        """Further arguments of `sg.fit`; SymgradError for those that it does not take or that are this estimator's."""
        options = by_name(self.options, "options")
        for name in options:
            if name in OWN:
                other = "random_state" if name == "seed" else name
                raise SymgradError(f"{name} is no option: write {type(self).__name__}(..., {other}=...).")
            if name not in OPTIONS:
                hint = did_you_mean(name, OPTIONS)
                raise SymgradError(f"sg.fit has no argument {name}. {hint}".rstrip())
        return options

    def _train(self, X: np.ndarray, y: np.ndarray | None) -> None:
        system = raw_system(self.program)
        loss, prediction, first, second = self._named(system)
        if (y is None) != (second is None) and second is not None:
            raise SymgradError(f"the loss reads {second}: pass y.")
        data = {first: X} if second is None else {first: X, second: y}
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        optimizer = replace(self.optimizer) if isinstance(self.optimizer, Optimizer) else self.optimizer
        self._fit = fit(
            system, data, loss=loss, prediction=prediction, optimizer=optimizer, epochs=self.epochs,
            batch_size=self.batch_size, seed=seed, dtype=self.dtype, **self._options(),
        )  # fmt: skip
        self.parameters_ = self._fit.parameters
        self.history_ = [e._asdict() for e in self._fit.history]

    def _predicted(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "parameters_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self._trained().predict(X)

    def _trained(self) -> Fit:
        """The fit; made again from text and arrays where the estimator was unpickled."""
        if "_fit" not in self.__dict__:
            system = raw_system(self.program)
            loss, prediction, _, _ = self._named(system)
            constants = self._options().get("evaluation", {})
            needed = evaluated(system.prune([loss, prediction]), constants)
            self._fit = Fit(needed, loss, prediction, self.parameters_, [], self.dtype, evaluation=constants)
        return self._fit

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_fit"}


def _data(system: System) -> list[Tensor]:
    """The inputs that are data: noise is drawn."""
    return [t for t in inputs_of(system) if t.role != "noise"]


class Classifier(ClassifierMixin, _Estimator):
    """A classifier: `prediction` holds probabilities `p[n, k]`, or `p[n]` of the second of two classes.

    `predict` gives the classes as they were passed, `predict_proba` the probabilities in the order of `classes_`.

    >>> from symgrad.library.models import mlp
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = Classifier(mlp("d", "k"), epochs=50, optimizer="momentum").fit(X - 1.5, ["no", "no", "yes", "yes"])
    >>> [str(found) for found in model.predict([[-1.0], [1.0]])]
    ['no', 'yes']
    """

    def fit(self, X: Any, y: Any) -> Classifier:
        """Train on `X` (examples, features) and classes of any kind."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if self._binary() and len(self.classes_) != 2:
            raise ValueError(f"this program tells two classes apart; y has {len(self.classes_)} class(es).")
        self._train(X, labels.astype(float) if self._binary() else labels)
        return self

    def _binary(self) -> bool:
        system = raw_system(self.program)
        return system.tensors[self._named(system)[1]].rank == 1

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, a column for each of `classes_`."""
        found = self._predicted(X)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each example."""
        places = self.predict_proba(X).argmax(axis=1)
        return self.classes_[places]


class Regressor(RegressorMixin, _Estimator):
    """A regressor: `prediction` has the shape of y, `p[n]` or `p[n, k]`."""

    def fit(self, X: Any, y: Any) -> Regressor:
        system = raw_system(self.program)
        several = system.tensors[self._named(system)[1]].rank > 1
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, multi_output=several)
        if several:
            y = y.reshape(len(y), -1)
        self._train(X, np.asarray(y if several else column_or_1d(y, warn=True), dtype=np.float64))
        return self

    def predict(self, X: Any) -> np.ndarray:
        return self._predicted(X)


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Estimator):
    """A transformer: `prediction` is the new representation `z[n, k]`, as the code of an autoencoder."""

    def fit(self, X: Any, y: Any = None) -> Transformer:
        reads_y = self._named(raw_system(self.program))[3] is not None
        X = validate_data(self, X, dtype=np.float64) if not reads_y else None if y is None else X
        if reads_y:
            X, y = validate_data(self, X, y, dtype=np.float64)
        self._train(X, y if reads_y else None)
        self._n_features_out = self._trained().predict(X[:1]).shape[-1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        return self._predicted(X)
