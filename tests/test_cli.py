"""The command line: what it prints, and that its exit codes mean what the help says."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from symgrad import cli
from symgrad.api import Program
from symgrad.cli import training
from symgrad.errors import DataError
from symgrad.library.entry import GROUPS
from symgrad.library.gallery import GALLERY


def run(capsys, *arguments):
    code = cli.main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("command", ["", "derive", "verify", "train"])
def test_help_teaches_by_examples(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"] if command else ["--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "examples:" in out and f"symgrad {command}".strip() in out


def test_list_names_every_entry(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.startswith(" ")] == list(GALLERY)
    shown = [group for group in GROUPS if any(item.group == group for item in GALLERY.values())]
    assert [line.lower() for line in out.splitlines() if not line.startswith(" ")] == shown


@pytest.mark.parametrize("format, mark", [("latex", "\\frac"), ("md", "#"), ("html", "<html")])
def test_derive_prints_each_format(capsys, format, mark):
    code, out, _ = run(capsys, "derive", "linear_regression", "--format", format)
    assert code == 0 and mark in out


def test_derive_writes_a_document_by_its_suffix(capsys, tmp_path):
    path = tmp_path / "sigmoid.html"
    code, out, err = run(capsys, "derive", "sigmoid", "--out", str(path))
    assert (code, out) == (0, "") and f"wrote {path}" in err
    assert "<html" in path.read_text()


def test_a_model_in_a_file(capsys, tmp_path):
    path = tmp_path / "model.txt"
    path.write_text("x: parameter[i]\nA: input[i, i]\ny[i] = sum[j](A[i,j]*x[j])\nL = sum[i](x[i]*y[i])\noutputs: L, y")
    assert run(capsys, "derive", str(path))[0] == 2
    code, out, _ = run(capsys, "derive", str(path), "--of", "L", "--by", "x", "--verb", "hessian")
    assert code == 0 and r"\partial^{2} L" in out
    code, out, _ = run(capsys, "verify", str(path), "--of", "L")
    assert code == 0 and "model: verified" in out
    (tmp_path / "broken.txt").write_text("y = x")
    code, _, err = run(capsys, "derive", str(tmp_path / "broken.txt"))
    assert code == 2 and "x" in err


def test_mistakes_exit_with_2_and_one_message(capsys, tmp_path):
    code, out, err = run(capsys, "derive", "sigmoide")
    assert (code, out) == (2, "")
    assert err.startswith("symgrad: sigmoide is not in the gallery; symgrad list shows its") and "Traceback" not in err
    code, _, err = run(capsys, "derive", "sigmoid", "--out", str(tmp_path / "a.docx"))
    assert code == 2 and "a document ends in .md, .html, .tex or .pdf" in err
    code, _, err = run(capsys, "derive")
    assert code == 2 and "name one entry, as in symgrad derive sigmoid, or pass --all" in err
    for wrong in (["bake"], [], ["train", "digits", "--epochs", "0"], ["train", "mars"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(wrong)
        assert stop.value.code == 2
    capsys.readouterr()


def test_no_folder_is_made_silently(capsys, tmp_path):
    path = tmp_path / "new" / "sigmoid.html"
    for command in (["derive", "sigmoid"], ["train", "digits"]):
        code, out, err = run(capsys, *command, "--out", str(path))
        assert (code, out) == (2, "") and f"the folder {path.parent} does not exist. Make it first" in err
    assert cli.script("sigmoid", ["--out", str(path)]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong, meant", [("sigmoide", "sigmoid"), ("softmx", "softmax")])
def test_a_misspelt_entry_is_answered_by_the_nearest(capsys, wrong, meant):
    code, _, err = run(capsys, "derive", wrong)
    assert code == 2 and err.endswith(f"Did you mean {meant}?\n")
    assert "Did you mean" not in run(capsys, "derive", "quux")[2]


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-1", "fast"])
def test_a_learning_rate_is_a_number_above_0(capsys, rate):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "digits", "--lr", rate])
    assert stop.value.code == 2
    assert f"argument --lr: {rate!r} is not a number above 0, such as 0.002" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train", "digits"], ["verify"]])
def test_a_seed_is_a_whole_number(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([*command, "--seed", "-1"])
    assert stop.value.code == 2 and "'-1' is not a whole number from 0 to" in capsys.readouterr().err


def test_verify_exits_with_0(capsys):
    code, out, _ = run(capsys, "verify", "sigmoid")
    assert code == 0 and "sigmoid: verified" in out


def test_verify_exits_with_1_where_a_certificate_fails(capsys, monkeypatch):
    failed = SimpleNamespace(ok=False, rows=(), summary=lambda: "0 of 1 checks passed")
    monkeypatch.setattr(Program, "verify", lambda self, **options: failed)
    code, out, err = run(capsys, "verify", "tanh")
    assert code == 1 and "tanh: FAILED" in out and "failed for tanh" in err
    assert cli.script("tanh", []) == 1


def test_train_exits_with_1_where_training_fails(capsys, monkeypatch):
    def diverge(arguments):
        raise DataError("the loss is nan in epoch 1, batch 1 of 2.")

    monkeypatch.setattr(training, "run", diverge)
    code, _, err = run(capsys, "train", "digits")
    assert code == 1 and err == "symgrad: the loss is nan in epoch 1, batch 1 of 2.\n"


def test_train_digits_end_to_end(capsys, tmp_path):
    """One short run: progress, both losses, the certificate, the accuracy, the curve, the parameters."""
    curve, saved = tmp_path / "curve.png", tmp_path / "digits.npz"
    code, out, err = run(capsys, "train", "digits", "--epochs", "3", "--out", str(curve), "--save", str(saved))
    assert code == 0
    assert "certificate" in out and "train loss" in out and "validation loss" in out and "test accuracy" in out
    assert "epoch 3/3" in err
    assert curve.read_bytes().startswith(b"\x89PNG") and saved.exists()
    accuracy = float(out.split("test accuracy ")[1].split()[0])
    assert accuracy > 80  # three epochs: far above the 10 % of chance


def test_a_script_runs_alone(tmp_path, request):
    script = request.config.rootpath / "derivations" / "activations" / "sigmoid.py"
    target = tmp_path / "sigmoid.md"
    done = subprocess.run([sys.executable, script, "--out", target], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\\" in done.stdout and target.read_text()
