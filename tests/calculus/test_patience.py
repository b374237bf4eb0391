"""Derivations stop at their time limit and say how far they came."""

import subprocess
import sys

import pytest

import symgrad as sg
from symgrad.calculus.patience import limited, note
from symgrad.errors import SymgradError, TimeLimitError

LAYERS = "\n".join(
    ["x: input[n, d]", *(f"W{p}: parameter[d, d]" for p in range(8)), "h0[n,d] = x[n,d]"]
    + [f"h{p + 1}[n,d] = h{p}[n,d] + tanh(sum[e](h{p}[n,e]*W{p}[e,d]))" for p in range(8)]
    + ["L = mean[n](sum[d](h8[n,d]**2))"]
)


NO_TIME = 1e-9  # seconds: less than any derivation takes on any machine


def test_a_derivation_that_takes_too_long():
    gradient = sg.program(LAYERS).gradient("L")
    with sg.time_limit(NO_TIME), pytest.raises(TimeLimitError) as caught:
        _ = gradient.display
    text = str(caught.value)
    assert text.startswith("the closed form of L, dL_dW0, dL_dW1 and 6 more was not finished within 1e-09 s: ")
    assert "with sg.time_limit(1e-08): ..." in text and "wrt=[...]" in text
    assert gradient.display.outputs  # with more time it is made


def test_the_derivative_itself_is_limited():
    with sg.time_limit(NO_TIME), pytest.raises(TimeLimitError, match=r"the gradient of L by W0, W1, .* s: \d+ step"):
        sg.program(LAYERS).gradient("L")
    with sg.time_limit(None):
        assert sg.program("x: parameter\ny = x**2").gradient("y").outputs == ("y", "dy_dx")


def test_work_without_an_end_is_stopped_and_says_how_far_it_came():
    told = r"a series was not finished within 0\.02 s: 2 steps done, at the sum over k"
    with sg.time_limit(0.02), pytest.raises(TimeLimitError, match=told), limited("a series"):
        note("the product")
        note("the sum over k")
        while True:
            pass


class Endless:
    def __del__(self):
        while True:
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_limit_that_python_ignores_at_first_is_kept():
    """What is raised inside __del__ goes nowhere: nobody may wait for it."""
    with sg.time_limit(0.02), pytest.raises(TimeLimitError, match="a series was not finished"), limited("a series"):
        Endless()


@pytest.mark.parametrize("seconds", [0, -1, "ten"])
def test_a_limit_is_a_number_of_seconds(seconds):
    with pytest.raises(SymgradError, match="a time limit is a number of seconds"), sg.time_limit(seconds):
        pass


def test_a_debugger_may_trace_what_runs_after_a_derivation():
    """An exception that is sent to a thread and taken back leaves Python 3.11 looking for it, forever under a trace."""
    code = (
        "import sys, symgrad as sg\n"
        "gradient = sg.program('x: parameter[i]; L = sum[i](x[i]**2)'.replace('; ', chr(10))).gradient('L')\n"
        "gradient.display\n"
        "sys.settrace(lambda *event: None)\n"
        "print(sum(range(10)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)  # seconds if well
    assert done.stdout.strip() == "45", done.stderr
