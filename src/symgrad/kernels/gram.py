"""The text of a symmetric product: out[m, m'] = sum over rows k of weight[k] value[k, m] value[k, m'].

Some rows at a time are scaled by the root of |weight| into a block that stays in cache, those with a negative weight
from its end; two symmetric updates by BLAS add their products to the lower triangle. Chunks of rows have sums of their
own, which `symmetric` adds in order and mirrors: the same bits whatever the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import emit, loops

if TYPE_CHECKING:
    from .emit import _Module

ROWS = 128  # that go from one function to the next while they are in cache


def function(module: _Module, step: loops.Gram) -> str:
    """The product over the rows first .. last-1."""
    writer = module.writer
    writer.temporaries, writer.depth = 0, 1
    if step.block is None:
        (matrix,) = step.arrays
        count = writer.extent(step.count)
        writer.line(_update(module, step, _matrix(module, writer.names[matrix], count, step), "first", "last", 1.0))
    else:
        _blocks(module, step)
    return module.defined(step.name, ["first", "last"], [*step.arrays, *(b.name for b in step.buffers)])


def _blocks(module: _Module, step: loops.Gram) -> None:
    writer, block = module.writer, step.block
    assert block is not None
    rows = writer.extent(block.shape[0])
    writer.line(f"for start in range(first, last, {rows}):")
    writer.depth += 1
    writer.line(f"stop = start + {rows} if start + {rows} < last else last")
    if step.weights is not None:
        _over_rows(module, step, lambda: _weigh(module, step))
    writer.line("front = int64(0)")
    writer.line("back = stop - start")
    _over_rows(module, step, lambda: _scale(module, step))
    matrix = _matrix(module, writer.names[block.name], rows, step)
    writer.line(_update(module, step, matrix, "int64(0)", "front", 1.0))
    if step.weights is not None:
        writer.line(_update(module, step, matrix, "front", "stop - start", -1.0))
    writer.depth -= 1


def _over_rows(module: _Module, step: loops.Gram, body) -> None:
    """A loop over the rows of a block; `place` is the row's number in it."""
    writer = module.writer
    name = writer._loop_name(step.row)
    writer.line(f"for {name} in range(start, stop):")
    writer.indices[step.row] = name
    writer.unsigned[step.row] = f"at_{name}"
    writer.depth += 1
    writer.line(f"at_{name} = uint64({name})")
    writer.line(f"place = uint64({name} - start)")
    body()
    writer.depth -= 1
    del writer.indices[step.row], writer.unsigned[step.row]


def _weigh(module: _Module, step: loops.Gram) -> None:
    assert step.weights is not None
    module.writer.line(f"{module.writer.names[step.weights.name]}[place] = {module.writer.printer.real(step.weight)}")


def _scale(module: _Module, step: loops.Gram) -> None:
    """One row of the block."""
    writer, block = module.writer, step.block
    assert block is not None
    if step.weights is None:
        writer.line("row = place")
        writer.line("front += 1")
    else:
        writer.line(f"weight = {writer.names[step.weights.name]}[place]")
        writer.line(f"if weight < {module.real}(0.0):")
        writer.line("    back -= 1")
        writer.line("    row = uint64(back)")
        writer.line("else:")
        writer.line("    row = uint64(front)")
        writer.line("    front += 1")
        writer.line("root = math.sqrt(math.fabs(weight))")
    depth = writer.depth
    for index, extent in step.columns:
        name = writer._loop_name(index)
        writer.line(f"for {name} in range({writer.extent(extent)}):")
        writer.indices[index] = name
        writer.depth += 1
    cell = ", ".join(["row", *(writer.indices[index] for index, _ in step.columns)])
    factor = "" if step.weights is None else "root * "
    value = writer.printer.real(step.value)
    writer.line(f"{writer.names[block.name]}[{cell}] = {factor}({value})")
    writer.depth = depth
    for index, _ in step.columns:
        del writer.indices[index]


def _matrix(module: _Module, name: str, rows: str, step: loops.Gram) -> str:
    if len(step.columns) == 1:
        return name
    return f"array(address({name}), ({rows}, {_width(module, step)}), {module.real})"


def _width(module: _Module, step: loops.Gram) -> str:
    return module.writer.flat(extent for _, extent in step.columns)


def _update(module: _Module, step: loops.Gram, matrix: str, first: str, last: str, sign: float) -> str:
    total, width = module.writer.names[step.parts.name], _width(module, step)
    if len(step.columns) > 1:
        total = f"array(address({total}), ({width}, {width}), {module.real})"
    return f"update({matrix}, {first}, {last}, {module.real}({sign}), {total})"


def step(module: _Module, step: loops.Gram) -> None:
    """All chunks, and their sum."""
    extent = module.writer.extent(step.count)
    many = module.threshold is not None
    piece = "piece" if many else "0"
    _begun(module, step, piece)
    _called(module, step, module.bounds(extent, many), piece)
    module.step(*_chunks(module, step))
    module.perform("chunks" if many else "")
    _summed(module, step)


def chain(module: _Module, chain: loops.Chain) -> None:
    """In one stage where there are several chunks of rows; else one step after the other."""
    apart = [*module.lines(type(module)._launch, chain.rows), *module.lines(step, chain.gram)]
    if not module.parallel(chain.rows.function):
        module.step(*apart)
        return
    module.step(*_chunks(module, chain.gram), "if chunks > 1:")
    module.step(*(f"    {line}" for line in module.lines(_together, chain)))
    module.step("else:", *(f"    {line}" for line in apart))


def _together(module: _Module, chain: loops.Chain) -> None:
    """Some rows go through the function, then into the product."""
    writer = module.writer
    first, last = module.bounds(writer.extent(chain.gram.count), True)
    module.prepared(chain.rows, True)
    _begun(module, chain.gram, "piece")
    writer.line(f"last = {last}")
    writer.line(f"for start in range({first}, last, {ROWS}):")
    writer.depth += 1
    writer.line(f"stop = min(start + {ROWS}, last)")
    module.called(chain.rows, ["start", "stop"], True)
    _called(module, chain.gram, ["start", "stop"], "piece")
    module.perform("chunks")
    module.joined(chain.rows)
    _summed(module, chain.gram)


def _begun(module: _Module, step: loops.Gram, piece: str) -> None:
    """A chunk's sum is 0."""
    parts = module.writer.names[step.scratch[step.parts.name]]
    emit.filled(module.writer, parts, [piece], step.parts.shape, f"{module.real}(0.0)")


def _called(module: _Module, step: loops.Gram, bounds: list[str], piece: str) -> None:
    given = [*bounds, *_given(module, step, piece)]
    module.writer.line(f"{module.spoken[step.name]}({', '.join(given)})")


def _chunks(module: _Module, step: loops.Gram) -> list[str]:
    """Lines of `run`: into how many chunks the rows are cut."""
    if module.threshold is None:
        return ["chunks = int64(1)"]
    extent, width = module.writer.extent(step.count), _width(module, step)
    enough = module.target.products if module.threshold else 0
    least = step.block.shape[0] if step.block is not None and enough else module.target.block if enough else 1
    most = f"min(int64({step.parts.pieces}), max(int64(1), int64({extent}) // {least}))"
    return [f"chunks = {most} if {extent} * {width} * {width} >= {enough} else int64(1)"]


def _summed(module: _Module, step: loops.Gram) -> None:
    """The chunks' sums, in order, as a symmetric matrix."""
    names, width = module.writer.names, _width(module, step)
    parts, out = names[step.scratch[step.parts.name]], names[step.out]
    if len(step.columns) > 1:
        parts = f"array(address({parts}), ({step.parts.pieces}, {width}, {width}), {module.real})"
        out = f"array(address({out}), ({width}, {width}), {module.real})"
    module.step(f"symmetric({parts}, chunks, {out})")


def _given(module: _Module, step: loops.Gram, piece: str) -> list[str]:
    names = module.writer.names
    own = {names[b.name]: f"{names[step.scratch[b.name]]}[{piece}]" for b in step.buffers}
    return [own.get(used, used) for used in module.parameters[step.name]]
