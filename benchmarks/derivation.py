"""How long does a derivation take, and how does it grow with the depth of the model?

    python benchmarks/derivation.py

A residual chain h <- h + tanh(h W) of 20, 50, 100 and 200 layers: gradient, display form and kernel form, in processor
time; that for each layer shows whether the growth is linear. Then the 2 x 15 Jacobian of bundle adjustment with
Rodrigues' rotation.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import symgrad as sg

ROUNDS = 3
BUNDLE = """
r, C, X: parameter[i]
f, k1, k2, w: parameter
x0: parameter[a]
y: input[a]
th = sqrt(sum[i](r[i]**2))
v = X - C
q = v*cos(th) + cross(r, v)*(sin(th)/th) + r*(sum(r*v)*(1 - cos(th))/th**2)
p[0] = q[0]/q[2]
p[1] = q[1]/q[2]
rho = sum[a](p[a]**2)
e[a] = w*(f*(1 + k1*rho + k2*rho**2)*p[a] + x0[a] - y[a])
outputs: e
"""


def chain(depth: int) -> str:
    lines = ["x: input[n, d]", *(f"W{p}: parameter[d, d]" for p in range(depth)), "h0[n,d] = x[n,d]"]
    lines += [f"h{p + 1}[n,d] = h{p}[n,d] + tanh(sum[e](h{p}[n,e]*W{p}[e,d]))" for p in range(depth)]
    return "\n".join([*lines, f"L = mean[n](sum[d](h{depth}[n,d]**2))"])


def median(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


def closed(derived: sg.Program) -> None:
    _ = derived.display, derived.kernel


def main() -> None:
    closed(sg.program(chain(2)).gradient("L"))  # SymPy's caches and imports
    print(f"{'layers':>6}  {'seconds':>8}  {'ms for each layer':>17}")
    for depth in (20, 50, 100, 200):
        text = chain(depth)
        seconds = median(lambda text=text: closed(sg.program(text).gradient("L")))
        print(f"{depth:6d}  {seconds:8.2f}  {1000 * seconds / depth:17.1f}")
    columns = ("r", "C", "f", "x0", "k1", "k2", "X", "w")
    model = sg.program(BUNDLE, sizes={"i": 3, "a": 2})
    seconds = median(lambda: closed(model.jacobian("e", columns)))
    operations = model.jacobian("e", columns).flops()
    print(f"\nbundle adjustment, 2 x 15 Jacobian: {seconds:.2f} s, {operations} operations ({model.flops()} for e)")


if __name__ == "__main__":
    main()
