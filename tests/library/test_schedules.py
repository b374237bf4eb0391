"""Schedules at steps that one can compute by hand, after the formulas of torch.optim.lr_scheduler."""

from math import cos, pi

import pytest

from symgrad.errors import SymgradError
from symgrad.library import schedules

CASES = [
    (schedules.constant(), [(0, 1 / 3), (4, 1 / 3), (5, 1), (9, 1)]),
    (schedules.step(30), [(0, 1), (29, 1), (30, 0.1), (60, 0.01)]),
    (schedules.exponential(0.5), [(0, 1), (3, 0.125)]),
    (schedules.cosine(10, eta_min=0.2), [(0, 1), (5, 0.6), (10, 0.2), (2, 0.2 + 0.4 * (1 + cos(pi / 5)))]),
    (schedules.linear(), [(0, 1 / 3), (5, 1), (50, 1), (1, 1 / 3 + 2 / 15)]),
    (schedules.linear(0, 1, 4), [(0, 0), (1, 0.25), (4, 1), (7, 1)]),
    (schedules.polynomial(4, power=2), [(0, 1), (2, 0.25), (4, 0), (6, 0)]),
    (schedules.inverse_sqrt(4), [(0, 0.25), (3, 1), (15, 0.5)]),
    (schedules.warmup_cosine(2, 6), [(0, 0.5), (1, 1), (2, 1), (4, 0.5), (6, 0), (9, 0)]),
    (schedules.one_cycle(10), [(0, 0.04), (1, 0.52), (2, 1), (9, 0.04e-4), (12, 0.04e-4)]),
    (schedules.cyclical(4), [(0, 0), (1, 0.5), (2, 1), (3, 1), (4, 0), (5, 0.5)]),
]


@pytest.mark.parametrize("schedule, points", CASES, ids=lambda case: getattr(case, "name", ""))
@pytest.mark.row("F2")
def test_the_value_at_a_step(schedule, points):
    for step, value in points:
        assert schedule(step, 3.0 if schedule.name != "cosine" else 1.0) == pytest.approx(
            3 * value if schedule.name != "cosine" else value, rel=1e-12, abs=1e-15
        )  # a few roundings


def test_every_schedule_has_a_case():
    assert {schedule.name for schedule, _ in CASES} == set(schedules.NAMES)


def test_a_period_of_zero_is_refused():
    with pytest.raises(SymgradError, match="T_max of a schedule must be larger than 0; it is 0"):
        schedules.cosine(0)
    with pytest.raises(SymgradError, match=r"total_steps of a schedule must be larger than 10; it is 5"):
        schedules.warmup_cosine(10, 5)
    with pytest.raises(SymgradError, match=r"gamma of schedules.exponential must be a finite number; it is None"):
        schedules.exponential(None)
