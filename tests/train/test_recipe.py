"""`symgrad train FILE.toml`: the same bits as the call in Python; every slip of the file is named."""

import numpy as np
import pytest

import symgrad as sg
from symgrad import cli
from symgrad.errors import DataError, SymgradError
from symgrad.library import optimizers, schedules
from symgrad.library.models import mlp
from symgrad.train.recipe import recipe

RNG = np.random.default_rng(8)
Y = RNG.integers(0, 3, 40)
X = (RNG.standard_normal((40, 2)) + Y[:, None]).round(4)
KINDS = np.array(["setosa", "versicolor", "virginica"])
TOML = """
[model]
library = "mlp"
layers = [2, 3]

[data]
file = "flowers.csv"
X = ["width", "length"]
y = "kind"
scale = "standard"

[optimizer]
name = "adam"
lr = 0.05
clip_norm = 1.0
schedule = { name = "cosine", T_max = 100 }

[fit]
epochs = 3
batch_size = 16
validation = 0.25
metrics = ["f1"]
seed = 4
engine = "interpret"

[output]
save = "fit.npz"
"""

FOLLOWED = """
model = "model.txt"
[data]
x = "x.npy"
[schedules]
beta = { name = "linear", start_factor = 0, total_iters = 4 }
[optimizer]
name = "sgd"
lr = 0.5
[fit]
epochs = 3
batch_size = 6
dtype = "float64"
engine = "interpret"
"""


@pytest.fixture
def flowers(tmp_path):
    rows = [f"{a},{b},{KINDS[k]}" for (a, b), k in zip(X.tolist(), Y)]
    (tmp_path / "flowers.csv").write_text("\n".join(["width,length,kind", *rows]))
    (tmp_path / "run.toml").write_text(TOML)
    return tmp_path


def changed(folder, before: str, after: str):
    assert before in TOML
    (folder / "run.toml").write_text(TOML.replace(before, after))
    return folder / "run.toml"


def test_the_file_is_the_call(flowers, capsys):
    """The command line, `recipe(...).run()` and sg.fit: the same parameters, bit for bit."""
    features, _ = sg.tables.prepare({"width": X[:, 0], "length": X[:, 1]}, ["width", "length"])
    adam = optimizers.adam(0.05).clip_norm(1.0).scheduled(schedules.cosine(T_max=100))
    options = {"epochs": 3, "batch_size": 16, "validation": 0.25, "metrics": ["f1"], "seed": 4, "engine": "interpret"}
    call = sg.fit(mlp(2, 3), {"X": features, "y": Y}, optimizer=adam, **options)
    assert cli.main(["train", str(flowers / "run.toml")]) == 0
    shown = capsys.readouterr()
    assert "validation_f1" in shown.out and f"save: {flowers / 'fit.npz'}" in shown.out and "epoch 3/3" in shown.err
    loaded, again = sg.Fit.load(flowers / "fit.npz", mlp(2, 3)), recipe(flowers / "run.toml")
    assert again.classes == KINDS.tolist()
    for name, value in call.parameters.items():
        assert np.array_equal(loaded.parameters[name], value) and np.array_equal(again.run().parameters[name], value)


def test_text_files_numbers_noise_and_schedules(tmp_path):
    """A model in a file of its own, arrays in .npy and .npz, a scheduled input."""
    text = "x: input[n]\nbeta: input\ne: noise[n]\nw: parameter\nL = mean[n]((w - beta*x[n] + 0*e[n])**2)"
    (tmp_path / "model.txt").write_text(text)
    np.save(tmp_path / "x.npy", np.ones(6))
    (tmp_path / "a.toml").write_text(FOLLOWED)
    np.testing.assert_allclose(recipe(tmp_path / "a.toml").run().parameters["w"], 0.5)
    np.savez(tmp_path / "x.npz", x=np.ones(6))
    (tmp_path / "b.toml").write_text(FOLLOWED.replace('x = "x.npy"', 'file = "x.npz"'))
    np.testing.assert_allclose(recipe(tmp_path / "b.toml").run().parameters["w"], 0.5)


@pytest.mark.parametrize(
    "before, after, message",
    [
        ("[optimizer]", "[optimiser]", "there is no section optimiser; .* Did you mean optimizer?"),
        ("[fit]", "[fit", "is not TOML: .*line"),
        ('library = "mlp"', 'library = "mpl"', "library = 'mpl'; there are .* Did you mean mlp?"),
        ("layers = [2, 3]", "layers = [2, 3]\ndepth = 3", r"\[model\] mlp: got an unexpected keyword argument 'depth'"),
        ('name = "adam"', 'name = "adm"', "no optimizer 'adm'; there are .* Did you mean adam?"),
        ("lr = 0.05", "rate = 0.05", "'rate'; it takes lr, beta1"),
        ('name = "cosine"', 'name = "cos"', "optimizer.schedule: no schedule 'cos'"),
        ("epochs = 3", "epoch = 3", r"\[fit\] has no entry epoch; .* Did you mean epochs?"),
        ('y = "kind"', 'y = "king"', "data.y: the file has no king; it has width, length, kind. Did you mean kind?"),
        ('y = "kind"', "", r'\[data\] does not say what y is: y = "column"'),
        ('y = "kind"', 'y = "width"', "data.y holds labels: whole numbers or words"),
        ('X = ["width", "length"]', "X = true", "data.X is a column, a list of columns, a .npy file or a number"),
        ('file = "flowers.csv"', 'file = "flower.csv"', "data.file: .*No such file"),
        ('scale = "standard"', 'scale = "robust"', 'data.scale is "standard", "minmax" or "none", not \'robust\''),
        ('save = "fit.npz"', 'safe = "fit.npz"', r"\[output\] has no entry safe; .* Did you mean save?"),
    ],
)
def test_every_slip_is_named(flowers, before, after, message):
    with pytest.raises((SymgradError, DataError), match=message) as caught:
        recipe(changed(flowers, before, after))
    assert "run.toml" in str(caught.value)


def test_the_command_line_says_what_it_takes(flowers, capsys):
    assert cli.main(["train", str(flowers / "run.toml"), "--epochs", "5"]) == 2
    assert "--epochs is for digits: write it into" in capsys.readouterr().err
    assert cli.main(["train", str(flowers / "none.toml")]) == 2
    assert "none.toml cannot be read: No such file or directory" in capsys.readouterr().err
