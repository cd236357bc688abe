"""What to write where a Value would have become a float, or where NumPy cannot take one."""

from __future__ import annotations

import ast
import linecache
import sys
from types import FrameType

from microgrady.inputs import FLOAT_ARRAY_HINT
from microgrady.introspection import frame_outside, is_code_of

_FUNCTIONS_OF_NUMBERS = {"math", "microgrady.sequences", "microgrady.value"}
_CONSTRUCTORS = {"float", "complex", "float16", "float32", "float64", "longdouble", "double"}
_ARRAYS = {"array", "asarray", "full", "fromiter", "astype", "fill", "full_like"}


def advice() -> str:
    """Say what to write instead, by the place in the source that has led here and so called a function."""
    frame = frame_outside("microgrady")
    if frame is not None and is_code_of(frame, "scipy"):
        return (
            "SciPy takes floats: give it mg.jit(...) of your function, lambda x: mg.detach(f(x)), or v.data for each "
            "Value that is not to be differentiated by"
        )
    expression = _expression(frame) if frame else None
    return (
        _instead(expression)
        or _handed_over(expression, frame)
        or (
            "use microgrady's functions (mg.sin(v), not math.sin(v)), lists or object arrays for float arrays, "
            'f"{v:.3g}" to print, or v.data to leave the derivative out on purpose'
        )
    )


def explained(error: Exception) -> Exception | None:
    """Return what to raise in place of an error of NumPy or SciPy about elements that they cannot take, else None."""
    text = str(error)
    cure = (
        "write mg.array([...]) for np.array([...]) and np.asanyarray for np.asarray, which give arrays on which "
        "NumPy's functions are microgrady's"
    )
    if isinstance(error, AttributeError):
        known = callable(getattr(sys.modules["microgrady"], str(error.name), None))
        if not (known and isinstance(error.obj, (int, float))):
            return None
        return AttributeError(
            f"{text}: write mg.{error.name}(...); where NumPy asks for it, of a number in a plain array of objects, "
            f"{cure}"
        )
    if "does not take Values" in text:
        return None  # it says already what to write
    if "no supported conversion for types" in text:
        return TypeError(f"a sparse matrix cannot calculate with Values: write a.toarray() (SciPy says: {text})")
    if "has no callable" in text or "dtype('O')" in text or "not supported for the input types" in text:
        return TypeError(
            f"NumPy met Values in a plain array of objects, or plain numbers among them: {cure} (NumPy says: {text})"
        )
    return None


def with_powers() -> str:
    """Return what to write for `x ^ 2`, by the place in the source that has led here."""
    frame = frame_outside("microgrady")
    source = (_source(frame) if frame else "").strip()
    return source.replace("^", "**") if "^" in source and "\n" not in source else "x**2 for x^2"


def _expression(frame: FrameType) -> ast.expr | None:
    """Return the expression that a frame is evaluating, if its source is at hand."""
    try:
        return ast.parse(f"({_source(frame)})", mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _source(frame: FrameType) -> str:
    """Return the source of the expression that a frame is evaluating; empty if it is not at hand."""
    places = list(frame.f_code.co_positions())[frame.f_lasti // 2 : frame.f_lasti // 2 + 1]
    if not places or None in places[0]:
        return ""
    first, last, left, right = places[0]
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[first - 1 : last]  # type: ignore[operator]
    if not lines:
        return ""
    encoded = [line.encode() for line in lines]  # columns count bytes
    encoded[-1] = encoded[-1][:right]
    encoded[0] = encoded[0][left:]
    return b"".join(encoded).decode(errors="replace")


def _instead(expression: ast.expr | None) -> str:
    on_purpose = "v.data leaves the derivative out on purpose"
    match expression:
        case ast.Subscript():
            return f"{FLOAT_ARRAY_HINT}; {on_purpose}"
        case ast.BinOp(op=ast.Mod()):
            return f'write f"{{v:.3g}}" for "%.3g" % v; {on_purpose}'
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            written = ast.unparse(expression.func)
            if name in _CONSTRUCTORS:
                return f"a Value counts as a number already, so leave {written}(...) out; {on_purpose}"
            if name in _ARRAYS:
                return f"leave dtype=float out of {written}(...): {FLOAT_ARRAY_HINT}; {on_purpose}"
            if _is_ours(name):
                return f"write mg.{name}(...) for {written}(...); {on_purpose}"
    return ""


def _is_ours(name: str) -> bool:
    """Return whether the package has a function of numbers with this name."""
    ours = getattr(sys.modules.get("microgrady"), name, None)
    return getattr(ours, "__module__", None) in _FUNCTIONS_OF_NUMBERS and not isinstance(ours, type)


def _handed_over(expression: ast.expr | None, frame: FrameType | None) -> str:
    """Return what to write for a function of the math module that is itself an argument, as in `grad(math.sin)`."""
    for call in ast.walk(expression) if expression is not None and frame is not None else ():
        for argument in call.args if isinstance(call, ast.Call) else ():
            names = ast.unparse(argument).split(".")
            found = {**frame.f_globals, **frame.f_locals}.get(names[0]) if frame is not None else None
            if len(names) == 2:
                found = getattr(found, names[1], None)
            if type(found) is type(len) and found.__module__ == "math" and _is_ours(found.__name__):
                return f"give mg.{found.__name__} for {'.'.join(names)}, which takes floats alone"
    return ""
