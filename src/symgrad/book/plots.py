"""Pictures of what is derived: an activation with its derivatives, a loss and its surface, optimisers on a surface.

matplotlib is loaded when a picture is drawn; where it is not installed, the book has none.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..api import Program, program
from ..ir.interpret import interpret
from ..library import optimizers
from ..library.activations import ACTIVATIONS, activation, parameters
from ..library.entry import Entry
from ..library.losses import loss as loss_row
from ..typeset.blocks import Picture

TARGETS = {  # of losses of one number, drawn over the prediction
    **dict.fromkeys(("mse", "l1", "huber", "smooth_l1", "log_cosh", "quantile"), 0.0),
    **dict.fromkeys(("hinge", "squared_hinge", "soft_margin", "binary_cross_entropy_with_logits", "focal"), 1.0),
}
FEATURES = np.array([[-2.0, -0.5], [-1.0, 1.0], [0.5, -1.5], [1.0, 0.5], [2.5, 1.0]])
SURFACES: Mapping[str, tuple[str, str, Callable[[float, float], dict[str, Any]]]] = {  # names of two axes, inputs there
    "linear_regression": ("w_1", "w_2", lambda u, v: {"X": FEATURES, "y": [-2, 0, -1, 1, 3], "w": [u, v]}),
    "logistic_regression": ("w", "b", lambda u, v: {"X": FEATURES[:, :1], "y": [0, 0, 1, 0, 1], "w": [u], "b": v}),
    "cross_entropy": ("z_1", "z_2", lambda u, v: {"z": [[u, v, 0.0]], "y": [0]}),
}
OWN = 0.25  # the value of an activation's own parameters
STEPS = 60
VALLEY = "x, y: parameter\nL = x**2/2 + 8*y**2"
RATES = {
    "sgd": 0.1, "momentum": 0.02, "nesterov": 0.02, "adagrad": 0.7, "adadelta": 60.0, "rmsprop": 0.1, "adam": 0.25,
    "adamw": 0.25, "adamax": 0.4, "nadam": 0.25, "radam": 0.4, "lion": 0.07,
}  # fmt: skip


def pictures(entry: Entry) -> Iterable[Picture]:
    """The picture of an entry, where there is one and matplotlib is installed."""
    if find_spec("matplotlib") is None:
        return
    if entry.group == "activations" and entry.name in ACTIVATIONS:
        yield activation_curves(entry.name)
    elif entry.name in TARGETS:
        yield loss_curves(entry.name)
    elif entry.name in SURFACES:
        yield loss_surface(entry)
    elif entry.group == "optimisation" and entry.name in RATES:
        yield optimizer_paths((entry.name,))


def activation_curves(name: str) -> Picture:
    """y, y' and y'' on [-5, 5]."""
    own = parameters(name)
    declared = "".join(f"{p}: parameter\n" for p in own)
    model = program(f"x: parameter[n]\n{declared}y[n] = {activation(name, 'x[n]')}\nL = sum[n](y[n])\noutputs: L, y")
    x = np.linspace(-5, 5, 401)
    given = {"x": x, **dict.fromkeys(own, OWN)}
    lines = {  # along x_dot = 1 the Hessian of the sum gives y''
        "value": model.evaluate(**given)["y"],
        "first derivative": model.gradient("L", "x").evaluate(**given)["dL_dx"],
        "second derivative": model.hvp("L", "x").evaluate(**given, x_dot=np.ones_like(x))["L_hvp_x"],
    }
    caption = f"{name.replace('_', ' ')} and its derivatives" + (f", {' = '.join([*own, str(OWN)])}" if own else "")
    return _curves(f"{name}_curve", caption, x, lines, "x")


def loss_curves(name: str) -> Picture:
    """The loss of one prediction and its derivative."""
    derived, target = program(loss_row(name).text).gradient("L", "z"), TARGETS[name]
    z = np.linspace(-3, 3, 61)
    found = [derived.evaluate(z=[[v]], y=[[target]]) for v in z]
    lines = {"loss": [float(f["L"]) for f in found], "derivative": [float(f["dL_dz"][0, 0]) for f in found]}
    return _curves(f"{name}_curve", f"{name.replace('_', ' ')} of one prediction z, target {target:g}", z, lines, "z")


def loss_surface(entry: Entry) -> Picture:
    """Level lines of the loss over two numbers, and where its gradient points."""
    first, second, inputs = SURFACES[entry.name]
    derived = program(entry.text).gradient(entry.output)
    u = np.linspace(-4, 4, 25)
    L = [[float(derived.evaluate(**inputs(a, b))[entry.output]) for a in u] for b in u]
    figure, axes = _figure()
    axes.contour(u, u, L, levels=np.quantile(L, np.linspace(0.02, 0.95, 14)), linewidths=0.8, cmap="viridis")
    slopes = [name for name in derived.outputs if name.startswith(f"d{entry.output}_d")]
    for a in u[2::5]:
        for b in u[2::5]:
            found = derived.evaluate(**inputs(a, b))
            du, dv = np.concatenate([np.ravel(found[n]) for n in slopes])[:2]
            size = np.hypot(du, dv) + 1e-300
            axes.annotate("", (a - 0.5 * du / size, b - 0.5 * dv / size), (a, b), arrowprops={"arrowstyle": "->"})
    axes.set(xlabel=f"${first}$", ylabel=f"${second}$")
    caption = "level lines of the loss, and the directions of steepest descent"
    return Picture(f"{entry.name}_surface", caption, _png(figure))


def optimizer_paths(names: Sequence[str]) -> Picture:
    """The paths from (-4, 1) on a narrow quadratic valley, over its level lines."""
    figure, axes = _figure()
    x, y = np.meshgrid(np.linspace(-4.5, 1.5, 121), np.linspace(-1.5, 1.5, 81))
    axes.contour(x, y, x**2 / 2 + 8 * y**2, levels=np.geomspace(0.05, 30, 12), linewidths=0.6, colors="0.7")
    for name in names:
        path = steps(name)
        axes.plot(path[:, 0], path[:, 1], ".-", label=f"{name}, lr = {RATES[name]:g}", linewidth=1, markersize=3)
    axes.legend(frameon=False)
    axes.set(xlabel="x", ylabel="y")
    caption = f"{STEPS} steps on $x^{{2}}/2 + 8 y^{{2}}$ from (-4, 1)"
    return Picture(f"{'_'.join(names)}_path", caption, _png(figure))


def steps(name: str, rate: float | None = None) -> np.ndarray:
    """The points (x, y) that an optimiser visits in the valley, by the interpreter."""
    rule = getattr(optimizers, name)(RATES[name] if rate is None else rate)
    gradient: Program = program(VALLEY).gradient("L")
    training = rule.step(gradient.kernel, {"x": "dL_dx", "y": "dL_dy"}, ("L",))
    system = training.system
    values: dict[str, Any] = {training.shared[n]: v for n, v in rule.values.items()} | {"x": -4.0, "y": 1.0}
    values |= {t.name: 0.0 for t in system.declared("state")}
    path = [(values["x"], values["y"])]
    for _ in range(STEPS):
        found = interpret(system, values, outputs=tuple(system.updates.values()))
        values |= {name: float(found[following]) for name, following in system.updates.items()}
        path.append((values["x"], values["y"]))
    return np.array(path)


def _curves(name: str, caption: str, x: np.ndarray, lines: dict[str, Any], letter: str) -> Picture:
    figure, axes = _figure()
    for (label, values), style in zip(lines.items(), ("-", "--", ":")):
        axes.plot(x, values, style, label=label)
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set(xlabel=letter)
    axes.legend(frameon=False)
    return Picture(name, caption, _png(figure))


def _figure() -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (an extra)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return out.getvalue()
