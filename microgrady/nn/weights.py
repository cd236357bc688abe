"""The weights of a model in a file, written as a whole or not at all, and read without running any code."""

from __future__ import annotations

import array
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from microgrady.files import write_whole
from microgrady.inputs import describe, is_number, require_numpy
from microgrady.leaves import write_numbers
from microgrady.nn.module import Module
from microgrady.tracebacks import entrance
from microgrady.value import Value

# What stands under a name in a file: one number, or those of a list.
Entry: TypeAlias = "float | list[float]"


@entrance
def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a model to a file, by their names, as a whole or not at all.

    A list of parameters, such as the weights of a neuron, is one array. Both formats keep all bits.

    Args:
        model: The model.
        path: A file whose name ends in .npz, as NumPy writes it, or in .json.

    Raises:
        TypeError: `model` is not a Module.
        ValueError: The name ends otherwise, the model has no parameters, or two of them have one name.
        OSError: The file cannot be written; what was there is as it was.
        ImportError: NumPy, which .npz needs, is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> from microgrady import nn
        >>> model, other = nn.MLP(2, [3, 1], seed=0), nn.MLP(2, [3, 1], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "net.json")
        ...     nn.save(model, path)
        ...     nn.load(other, path)
        >>> other([1.0, 2.0]).data == model([1.0, 2.0]).data
        True
    """
    entries = _entries(model)
    target = Path(path)
    ending = _ending(target)
    found = {
        name: [value.data for value in entry] if isinstance(entry, list) else entry.data
        for name, entry in entries.items()
    }
    write_whole(target, _as_npz(found) if ending == ".npz" else _as_json(found))


@entrance
def load(model: Module, path: str | os.PathLike[str]) -> None:
    """Give a model the parameters that `save` wrote to a file: all of them or, if something does not fit, none.

    No code in the file is run.

    Args:
        model: A model with parameters of the same names, as many.
        path: The file.

    Raises:
        TypeError: `model` is not a Module.
        ValueError: The file does not fit the model, or is not one that `save` wrote; the message says what is wrong.
            Or a parameter is the result of an operation, and so cannot be given a number.
        OSError: The file cannot be read.
        ImportError: NumPy, which .npz needs, is not installed.
    """
    entries = _entries(model)
    source = Path(path)
    ending = _ending(source)
    content = source.read_bytes()
    found = _of_npz(content, source) if ending == ".npz" else _of_json(content, source)
    _require_names(found, entries, source, model)
    leaves: list[Value] = []
    numbers = array.array("d")
    for name, entry in entries.items():
        _require_shape(found[name], entry, name, source, model)
        leaves += entry if isinstance(entry, list) else [entry]
        numbers.extend(_listed(found[name]))
    for name, value in model.named_parameters():
        if value.op is not None:
            raise ValueError(
                f"{name} of the {type(model).__name__} is the result of {value.op.name}, which cannot be given another "
                "number: make the parameter Value(v.data)"
            )
    write_numbers(leaves, numbers)


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (".npz", ".json"):
        raise ValueError(f"the name of a file with weights ends in .npz or .json, not as {path.name!r} does")
    return ending


def _entries(model: Any) -> dict[str, Value | list[Value]]:
    """Return the parameters of a model by name, those in lists together."""
    if not isinstance(model, Module):
        raise TypeError(f"weights are those of a Module, not of {describe(model)}")
    found: dict[str, Value | list[Value]] = {}
    for name, value in model.named_parameters():
        outer, _, last = name.rpartition(".")
        row = found.setdefault(outer, []) if outer and last == "0" else found.get(outer)
        if isinstance(row, list) and last == str(len(row)):
            row.append(value)
        elif name in found:
            raise ValueError(f"two parameters of the {type(model).__name__} are called {name}, as a file cannot have")
        else:
            found[name] = value
    if not found:
        raise ValueError(f"the {type(model).__name__} has no parameters")
    return found


def _as_npz(entries: Mapping[str, Entry]) -> bytes:
    numpy = require_numpy("a file whose name ends in .npz")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, entry in entries.items():
            # With no time of writing in it, so that equal weights are equal files.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                numpy.lib.format.write_array(file, numpy.array(entry, numpy.float64), allow_pickle=False)
    return content.getvalue()


def _of_npz(content: bytes, source: Path) -> dict[str, Entry]:
    numpy = require_numpy("a file whose name ends in .npz")
    if not content.startswith(b"PK"):  # then NumPy takes it for a single array, or for a pickle
        raise ValueError(f"{str(source)!r} is not an .npz of numbers: it is not an archive of arrays")
    try:
        with numpy.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = {name: _array(archive, name) for name in archive}
    except Exception as error:  # NumPy's and zipfile's, which are of many kinds
        raise ValueError(f"{str(source)!r} is not an .npz of numbers: {error}") from error
    for name, entry in found.items():
        if entry.dtype.kind not in "fiu" or entry.dtype.itemsize > 8 or entry.ndim > 1:
            raise ValueError(
                f"{name} in {str(source)!r} must be a number or a row of numbers of up to 64 bits, not an array of "
                f"{entry.dtype} with the shape {entry.shape}"
            )
    return {name: entry.astype(numpy.float64).tolist() for name, entry in found.items()}


def _array(archive: Any, name: str) -> Any:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" in str(error):  # NumPy's message says how to run it
            raise ValueError(f"{name} has objects in it, which could run code") from error
        raise


# JSON has no numbers for these.
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _as_json(entries: Mapping[str, Entry]) -> bytes:
    """Write a line for each name."""

    def written(number: float) -> float | str:
        return number if math.isfinite(number) else str(number)

    lines = []
    for name, entry in entries.items():
        numbers = [written(number) for number in entry] if isinstance(entry, list) else written(entry)
        lines.append(f"  {json.dumps(name)}: {json.dumps(numbers)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _of_json(content: bytes, source: Path) -> dict[str, Entry]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{str(source)!r} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{str(source)!r} must have the names of parameters with their numbers, not {describe(found)}")

    def read(thing: Any, name: str) -> float:
        if isinstance(thing, str) and thing in _NOT_FINITE:
            return _NOT_FINITE[thing]
        if not is_number(thing) or isinstance(thing, bool):
            raise ValueError(f"{name} in {str(source)!r} must be a number or a list of numbers, not {describe(thing)}")
        try:
            return float(thing)
        except OverflowError as error:
            raise ValueError(f"{name} in {str(source)!r} is too large for a float: {describe(thing)}") from error

    return {
        name: [read(thing, f"{name}.{place}") for place, thing in enumerate(entry)]
        if isinstance(entry, list)
        else read(entry, name)
        for name, entry in found.items()
    }


def _require_names(
    found: Mapping[str, Entry], entries: Mapping[str, Value | list[Value]], source: Path, model: Module
) -> None:
    missing, unknown = [name for name in entries if name not in found], [name for name in found if name not in entries]
    if missing or unknown:
        kind = type(model).__name__
        parts = [f"it has no {_few(missing)}"] if missing else []
        parts += [f"the {kind} has no {_few(unknown)}"] if unknown else []
        raise ValueError(f"{str(source)!r} does not fit the {kind}: {', and '.join(parts)}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _require_shape(found: Entry, entry: Value | list[Value], name: str, source: Path, model: Module) -> None:
    def counted(thing: Any) -> str:
        return f"a row of {len(thing)}" if isinstance(thing, list) else "one number"

    if counted(found) != counted(entry):
        raise ValueError(
            f"{str(source)!r} does not fit the {type(model).__name__}: {name} is {counted(found)} in the file, and "
            f"{counted(entry)} in the model"
        )


def _listed(entry: Entry) -> list[float]:
    return entry if isinstance(entry, list) else [entry]
