"""`Program`: what people hold. It wraps an `ir.System`, which is bare data, and is the only place with verbs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from . import calculus, notation
from .errors import SymgradError, UnknownNameError
from .garbage import uncollected
from .ir import cost
from .ir.interpret import interpret
from .ir.system import System

if TYPE_CHECKING:
    from . import structured, typeset

Names = str | Iterable[str] | None


@dataclass(frozen=True)
class Origin:
    """Where a derived program comes from: the verb, the program it was applied to, and its arguments."""

    verb: str
    of: Program
    output: str
    wrt: tuple[str, ...]
    mode: str = ""


@dataclass(frozen=True, eq=False)
class Program:
    """A model as equations. Made by `sg.program(text)`; every verb returns a new Program."""

    raw: System                     # split, free of facts: the only form that is differentiated again
    origin: Origin | None = None
    written: System | None = None   # as the user wrote it, before naive spellings were replaced
    recipe: tuple = ()              # the call that makes it again: what is pickled

    @cached_property
    def display(self) -> System:
        """The closed form a person wants to read; its `log` is the derivation."""
        with calculus.limited(f"the closed form of {_listed(self.outputs)}"):
            return calculus.display_form(self.raw)

    @cached_property
    def kernel(self) -> System:
        """The raw form plus value-safe rules: what is compiled."""
        with calculus.limited(f"the kernel form of {_listed(self.outputs)}"):
            return calculus.on_diagonals(self.apart)

    @cached_property
    def apart(self) -> System:
        """The kernel form with diagonals beside dense terms: what structured derivatives are made of."""
        with calculus.limited(f"the kernel form of {_listed(self.outputs)}"):
            return calculus.kernel_form(self.raw)

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.raw.outputs

    def gradient(self, output: str, wrt: Names = None, mode: str = "reverse") -> Program:
        r"""The program that computes `output` and its derivative by each name of `wrt` (default: every parameter).

        `mode` is as in `jacobian`; for a scalar reverse mode costs a few evaluations, whatever the number of entries.

        >>> import symgrad as sg
        >>> square = sg.program("x: parameter[i] \n L = sum[i](x[i]**2)")
        >>> square.gradient("L").evaluate(x=[1.0, 2.0])["dL_dx"]
        array([2., 4.])
        """
        names = self._names(wrt)
        return self._derived("gradient", calculus.gradient_in, output, names, mode)

    def jacobian(self, output: str, wrt: Names = None, mode: str = "auto") -> Program:
        r"""The program that computes `output` and `d<output>_d<name>[output axes, axes of name]`.

        `mode`: "reverse" carries the output's cell backwards, "forward" and "cross-country" multiply out the graph of
        local Jacobians, from the inputs on or where it is cheapest; "auto" counts the multiplications of each (every
        unknown size as 64) and takes reverse unless another one needs less than half. All compute the same.

        >>> import symgrad as sg
        >>> curve = sg.program("t: parameter \n A, B: input[i,i] \n c: input[i] \n y = sin(A @ sin(B @ sin(t*c)))")
        >>> [curve.jacobian("y", "t", mode).flops() for mode in ("reverse", "forward")]
        [2*I**3 + 7*I**2 + 63*I, 8*I**2 + 64*I]
        """
        names = self._names(wrt)
        return self._derived("jacobian", calculus.jacobian_in, output, names, mode)

    def hessian(self, output: str, wrt: Names = None, mode: str = "reverse") -> Program:
        """The program that computes `d2<output>_d<v>_d<w>` for each pair of `wrt`, once; axes of v first.

        The gradient, made in reverse, is differentiated in `mode` (see `jacobian`)."""
        names = self._names(wrt)
        return self._derived("hessian", calculus.hessian, output, names, mode)

    def jvp(self, output: str, wrt: str) -> Program:
        """The program with one more input `<wrt>_dot` and the output `<output>_dot`, the derivative along it."""
        return self._derived("jvp", _jvp, output, (wrt,))

    def vjp(self, output: str, wrt: Names = None) -> Program:
        """The program with one more input `<output>_bar` and the output `<name>_bar` for each name of `wrt` (default:
        every parameter), its pull-back."""
        return self._derived("vjp", calculus.vjp, output, self._names(wrt))

    def hvp(self, output: str, wrt: str) -> Program:
        """The program with one more input `<wrt>_dot` and the output `<output>_hvp_<wrt>`: Hessian times vector."""
        return self._derived("hvp", _each(calculus.hvp), output, (wrt,))

    def gauss_newton(self, output: str, wrt: str) -> Program:
        """The program with one more input `<wrt>_dot` and the output `<output>_gn_<wrt>`: J^T J times vector."""
        return self._derived("gauss_newton", _each(calculus.gauss_newton), output, (wrt,))

    def _derived(self, verb: str, derive: Callable[..., System], output: str, wrt: tuple[str, ...], mode="") -> Program:
        """The program that `derive` makes, within the time limit."""
        with calculus.limited(f"the {verb} of {output} by {_listed(wrt)}"):
            system = derive(self.independent(wrt), output, wrt, *([mode] if mode else []))
        return Program(system, Origin(verb, self, output, wrt, mode))

    def independent(self, wrt: Iterable[str]) -> System:
        """The raw form to differentiate by `wrt`: definitions of those that an equation writes are not looked through,
        so that every path from them to an output is there."""
        defined = set(wrt) & set(self.raw.defining())
        if not defined or self.written is None:
            return self.raw
        return calculus.prepare(self.written, defined)

    def _names(self, wrt: Names) -> tuple[str, ...]:
        if wrt is None:
            return tuple(t.name for t in self.raw.declared("parameter"))
        return (wrt,) if isinstance(wrt, str) else tuple(dict.fromkeys(wrt))

    def call(self, other: Program, rename: Mapping[str, str] | None = None) -> Program:
        """This program with the equations of `other` behind its own; `rename` maps other's names to names here."""
        if not isinstance(other, Program):
            raise SymgradError(f"a program calls a program, not {type(other).__name__}: make it by sg.program(text).")
        ours, theirs = self.written or self.raw, other.written or other.raw
        return _program(notation.compose(ours, theirs, rename or {}), (Program.call, (self, other, rename)))

    def at(self, **fixed: float) -> Program:
        """The program with inputs or noise replaced by constants, as in `program.at(noise=0)`."""
        return _program(notation.at(self.written or self.raw, **fixed), (_at, (self, fixed)))

    def evaluate(self, **arrays) -> Mapping[str, np.ndarray]:
        """The outputs on `arrays`, in float64, by the interpreter."""
        for name in arrays:
            need(self.raw, name)
        return interpret(self.raw, arrays)

    def compile(
        self,
        target: str = "cpu",
        dtype: str = "float64",
        outputs: Iterable[str] | None = None,
        parallel: bool | None = None,
        deterministic: bool = True,
        check_facts: bool = True,
        check_finite: bool = False,
        tf32: bool = False,
    ) -> Any:
        """A compiled kernel: `kernel(**arrays)` returns a mapping whose entries are also attributes.

        `outputs` names any tensors of the program. `parallel=None` uses threads where the work is worth it.
        `deterministic`: the same bits whatever the number of threads. Work is cut by sizes and never by threads, and
        sums are joined in order, so that False allows what no kernel makes use of. `check_facts` looks at declared
        facts once for each array, `check_finite` refuses NaN and infinity in the data. The target "cuda" runs on a GPU;
        with `tf32` its products of float32 matrices may round their factors to 10 bits.
        """
        with uncollected():
            from .kernels import compile_system  # noqa: PLC0415  (loads LLVM)

        names = self.outputs if outputs is None else (outputs,) if isinstance(outputs, str) else tuple(outputs)
        for name in names:
            need(self.kernel, name)
        return compile_system(
            replace(self.kernel, outputs=names),
            target,
            dtype,
            parallel=parallel,
            deterministic=deterministic,
            check_facts=check_facts,
            check_finite=check_finite,
            tf32=tf32,
        )

    def segmented(self, length: int | None = None, target: str = "cpu", **options) -> Any:
        r"""A gradient along a long recurrence that keeps the states of one segment of `length` steps at a time, and
        those between segments: `gradient(**arrays)` returns what the kernel of this gradient returns.

        `length=None` stores everything where that is less than 256 MB, and cuts into about sqrt(T) segments where it is
        more, at the price of one more evaluation of the recurrence. `target` and the options are those of `compile`;
        `target="interpreter"` compiles nothing. RecurrenceError where the recurrence cannot be cut.

        >>> import symgrad as sg
        >>> model = sg.program("x: input[t] \n a: parameter \n h[t] = where(t == 0, 0, a*h[t-1]) + x[t] \n L = h[T-1]")
        >>> model.gradient("L").segmented(2, target="interpreter")(x=[1.0, 2.0, 3.0, 4.0], a=0.5)["dL_da"]
        array(5.75)
        """
        from .train.segmented import segmented  # noqa: PLC0415  (loads Numba)

        return segmented(self, length, target, **options)

    def structure(self, name: str, rows: int | None = None) -> structured.Structure:
        r"""What the Jacobian or Hessian `name` looks like as a matrix: its terms, its storage, the plan for a solve.

        `rows`: how many axes are rows; known where `jacobian` or `hessian` made this program.

        >>> import symgrad as sg
        >>> model = sg.program("x: parameter[k] \n L = logsumexp[k](x[k])")
        >>> print(model.hessian("L").structure("d2L_dx_dx").plan)
        Woodbury: divide by the diagonal, correct by rank 1
        """
        from . import structured  # noqa: PLC0415  (an import of 20 ms)

        need(self.raw, name)
        rows, symmetric = (rows, False) if rows is not None else self._rows(name)
        return structured.structure(self.apart, self.display, name, rows, symmetric)

    def _rows(self, name: str) -> tuple[int, bool]:
        """How many axes of a Jacobian or Hessian are rows, and whether it is symmetric."""
        made = self.origin
        if made is not None and made.verb in ("jacobian", "hessian"):
            tensors = made.of.raw.tensors
            pairs = [(made.output, w) for w in made.wrt]
            if made.verb == "hessian":
                pairs = [(v, w) for n, v in enumerate(made.wrt) for w in made.wrt[n:]]
            for (v, w), output in zip(pairs, self.outputs[len(self.outputs) - len(pairs) :]):
                if output == name:
                    return tensors[v].rank, v == w
        raise SymgradError(
            f"{name} is not a Jacobian or Hessian of this program, so its rows are not known.\n"
            f'    Say how many axes are rows: structure("{name}", rows=1).'
        )

    def compressed(self, *names: str) -> Program:
        """The program whose outputs are the cores of the Jacobians or Hessians `names`: each number once."""
        from . import structured  # noqa: PLC0415  (an import of 20 ms)

        for name in names:
            need(self.raw, name)
        return Program(replace(structured.compressed(self.apart, *names), log=()))

    def structured(self, name: str, target: str = "cpu", **options) -> StructuredKernel:
        r"""A kernel for the Jacobian or Hessian `name` that returns a `StructuredMatrix`, never the dense array.

        `target` and the options are those of `compile`; `target="interpreter"` compiles nothing.

        >>> import symgrad as sg
        >>> model = sg.program("x: parameter[i] \n L = sum[i](x[i]**4)")
        >>> hessian = model.hessian("L").structured("d2L_dx_dx", target="interpreter")(x=[1.0, 2.0])
        >>> hessian.solve([12.0, 96.0]), hessian.storage
        (array([1., 2.]), 2)
        """
        found = self.structure(name)
        cores = self.compressed(name)
        run = cores.evaluate if target == "interpreter" or not cores.outputs else cores.compile(target, **options)
        return StructuredKernel(found, run)

    def flops(self):
        """The number of floating-point operations, as a polynomial in the sizes."""
        return cost.flops(self.kernel.prune())

    def bytes(self):
        """The bytes of inputs read and outputs written (float64), as a polynomial in the sizes."""
        return cost.bytes_moved(self.kernel.prune())

    @cached_property
    def derivation(self) -> typeset.Derivation:
        """The steps that lead to this program, each with its rule; prints as LaTeX, Markdown or HTML."""
        from . import typeset  # noqa: PLC0415  (an import of 20 ms)

        return typeset.Derivation(self.display)

    def latex(self, notation: str = "index") -> str:
        """The equations in LaTeX; `notation="matrix"`: without indices, as X^T (p - Y), where they have such a form."""
        if notation not in ("index", "matrix"):
            raise SymgradError(f"notation is index or matrix, not {notation!r}.")
        shown = self.display.prune()
        from . import typeset  # noqa: PLC0415  (an import of 20 ms)

        return typeset.latex_system(shown) if notation == "index" else typeset.latex_matrices(shown)

    def _repr_latex_(self) -> str:
        return self.latex()

    def __str__(self) -> str:
        """The equations, one for each line, as text."""
        shown = self.display.prune()
        from . import typeset  # noqa: PLC0415  (an import of 20 ms)

        return "\n".join(typeset.text_equation(eq, shown) for eq in shown.equations)

    def __repr__(self) -> str:
        inputs = ", ".join(t.name for t in self.raw.prune().declared())
        return f"<Program {', '.join(self.outputs)} of {inputs}>"

    def __reduce__(self):
        """Pickled as the text it was read from and the verbs applied to it: unpickling reads and derives again."""
        if self.recipe:
            return self.recipe
        if self.origin is not None:
            made = self.origin
            return _again, (made.of, made.verb, made.output, made.wrt, made.mode)
        return program, (notation.to_text(self.written or self.raw),)

    def __deepcopy__(self, memo) -> Program:
        return self  # nothing in it changes

    def verify(self, seed: int = 0, kernel: bool = True) -> Any:
        """The certificate: symbolic = differences = complex step = mpmath = display form = kernel."""
        from .verify import certify  # noqa: PLC0415

        return certify(self, seed=seed, kernel=kernel)


@dataclass(frozen=True, eq=False)
class StructuredKernel:
    """`kernel(**arrays)` is the `StructuredMatrix` of a derivative; `structure` says what it looks like."""

    structure: structured.Structure
    run: Any                        # arrays -> cores

    def __call__(self, **arrays) -> structured.StructuredMatrix:
        return self.structure.bind(arrays, self.run(**arrays))


def program(
    model: str | Any,
    sizes: Mapping[Any, int] | None = None,
    parameters: Any = None,
    output: str | None = None,
    first: int | None = None,
) -> Program:
    r"""Read a model: its text (docs/notation.md), or SymPy expressions (docs/sympy.md). No text is evaluated.

    SymPy: an expression of `Indexed` and `Sum`, of `MatrixSymbol`s or of plain symbols, whose value gets the name
    `output` (default "f"); `Eq(y[i], ...)`; or a list of `Eq`. `parameters` are the symbols that `gradient`
    differentiates by unless told otherwise, all others are inputs; `first` says where axes begin, 0 or 1, if their
    reads leave that open. `sizes` fixes sizes: {"n": 10}.

    Raises NotationError, ShapeError or UnknownNameError, each with the equation and the fix.

    >>> import sympy
    >>> n = sympy.Symbol("n", integer=True)
    >>> A, x = sympy.MatrixSymbol("A", n, n), sympy.MatrixSymbol("x", n, 1)
    >>> print(program(x.T*A*x, parameters=[x]).gradient("f"))
    f = sum[n, n_1](A[n,n_1]*x[n]*x[n_1])
    df_dx[n] = sum[n_1](x[n_1]*(A[n,n_1] + A[n_1,n]))
    """
    if notation.is_sympy(model):
        given = (model, sizes, () if parameters is None else parameters, output or "f", first)
        return _program(notation.from_sympy(*given), (program, (model, sizes, parameters, output, first)))
    if parameters is not None or output is not None or first is not None:
        raise SymgradError(
            "parameters=, output= and first= are for SymPy expressions.\n"
            "    A text says them itself: w: parameter[n], outputs: L; its axes begin at 0."
        )
    return _program(notation.parse(model, sizes), (program, (model, sizes)))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def _jvp(system: System, output: str, wrt: tuple[str, ...]) -> System:
    return calculus.jvp(system, output, {name: f"{name}_dot" for name in wrt}, f"{output}_dot")


def _each(product: Callable[..., System]) -> Callable[..., System]:
    """A product by one name as a function of a tuple of names."""
    return lambda system, output, wrt: product(system, output, *wrt)


def _again(of: Program, verb: str, output: str, wrt: tuple[str, ...], mode: str = "") -> Program:
    """The derived program, derived again."""
    single = verb in ("jvp", "hvp", "gauss_newton")
    return getattr(of, verb)(output, wrt[0] if single else wrt, *([mode] if mode else []))


def _at(of: Program, fixed: Mapping[str, float]) -> Program:
    return of.at(**fixed)


def _program(written: System, recipe: tuple = ()) -> Program:
    return Program(calculus.prepare(written), written=written, recipe=recipe)


def need(system: System, name: str) -> None:
    """Raise UnknownNameError, with the nearest names, unless `name` is a tensor of the system."""
    if name in system.tensors:
        return
    known = [n for n, t in system.tensors.items() if t.named]
    near = difflib.get_close_matches(name, known, 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UnknownNameError(f"{name} is not a tensor of this program.{hint} It has {', '.join(known)}.")
