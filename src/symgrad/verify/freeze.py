"""What a derivative takes as given is given: stopped expressions become inputs, and so does a tensor that an equation
defines but that is differentiated by. Only then do differences mean the same derivative."""

from __future__ import annotations

from dataclasses import replace

from ..functions import stop
from ..ir.access import Access, fresh_names, index_symbols, sort_key
from ..ir.arithmetic import FLOAT64, Arithmetic
from ..ir.interpret import interpret
from ..ir.system import Equation, System, Tensor, Term
from .draw import Arrays


def freeze(system: System, arrays: Arrays, arithmetic: Arithmetic) -> tuple[System, Arrays]:
    """The system with every `stop(...)` replaced by an input that holds its value at `arrays`."""
    names = fresh_names(system.tensors, "stopped")
    held: dict[str, Tensor] = {}
    watched: list[Equation] = []
    equations: list[Equation] = []
    for eq in system.equations:
        terms = []
        for term in eq.terms:
            places = {}
            for stopped in sorted(term.body.atoms(stop), key=sort_key):
                value, tensor = _value_of(stopped, term, next(names))
                watched.append(value)
                held[tensor.name] = tensor
                places[stopped] = Access(tensor.name, *value.terms[0].write)
            terms.append(replace(term, body=term.body.xreplace(places)) if places else term)
        equations.append(eq.with_terms(terms))
    if not held:
        return system, arrays
    values = _values(system, watched, held, arrays, arithmetic)
    inputs = {name: replace(tensor, role="input") for name, tensor in held.items()}
    return replace(system, tensors={**system.tensors, **inputs}, equations=tuple(equations)), {**arrays, **values}


def _value_of(stopped, term: Term, name: str) -> tuple[Equation, Tensor]:
    """The equation of what is stopped, over the indices on which it depends."""
    domain = tuple(r for r in term.domain if r.index in index_symbols(stopped))
    write = tuple(r.index for r in domain)
    guard = tuple(g for g in term.guard if index_symbols(g) <= set(write))
    tensor = Tensor(name, tuple(r.size for r in domain), named=False, letters=tuple(i.name for i in write))
    return Equation(name, (Term(write, stopped.args[0], domain, guard),)), tensor


def _values(system: System, watched: list[Equation], held: dict[str, Tensor], arrays: Arrays, arithmetic: Arithmetic):
    """The stopped values; their equations stand last, where everything that they read has been written."""
    tensors, equations = {**system.tensors, **held}, (*system.equations, *watched)
    extended = replace(system, tensors=tensors, equations=equations, outputs=tuple(held), updates={})
    return interpret(extended, arrays, arithmetic)


def given(system: System, name: str, arrays: Arrays) -> tuple[System, Arrays]:
    """The system in which the defined tensor `name` is an input, at the value that its equation gives."""
    value = interpret(system, arrays, FLOAT64, (name,))[name]
    tensors = {**system.tensors, name: replace(system.tensors[name], role="input", facts=())}
    equations = tuple(eq for eq in system.equations if eq.tensor != name)
    return replace(system, tensors=tensors, equations=equations), {**arrays, name: value}
