"""`formula` and `latex`: Python computes the same number from the one, and matplotlib reads the other."""

from __future__ import annotations

import math
import re
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, functions
from microgrady.formulas.expressions import notebook_latex
from microgrady.formulas.grouping import formula_of, grouped
from microgrady.formulas.latex import LATEX
from microgrady.formulas.names import short_names
from microgrady.formulas.writing import PYTHON, TEXT
from microgrady.value import Primitive, primitives, topological_order

NAMES = {**vars(mg), **{name: getattr(mg, name) for name in mg.__all__}}
TABLE = [entry for name, entry in primitives.items() if entry in vars(functions).values()]
WITHOUT_MASKS = [entry for entry in TABLE if entry not in (functions.kept, functions.dropped)]
LEAVES = {"a": 0.75, "b": -1.25, "c": 2.5}
NUMBERS = st.sampled_from([2.0, -3.0, 0.5, -0.0, 1e-7, 1 / 3, math.inf, -math.inf])


def evaluated(text: str, **leaves: Any) -> Any:
    """What Python computes from a formula."""
    names = {**vars(functions), **NAMES, "pow": mg.pow, "round": mg.round, "abs": abs, **leaves}
    *lines, last = text.splitlines()
    exec("\n".join(lines), names)
    return eval(last, names)


def bits(number: float) -> bytes:
    return b"nan" if math.isnan(number) else struct.pack("d", number)


def numbers(output: Any, leaves: dict[str, Value]) -> list[bytes]:
    """The bits of a result and of its derivatives."""
    for leaf in leaves.values():
        leaf.grad = 0.0
    if isinstance(output, Value):
        output.backward()
    return [bits(float(getattr(output, "data", output))), *(bits(leaf.grad) for leaf in leaves.values())]


def new_leaves() -> dict[str, Value]:
    return {name: Value(number, name) for name, number in LEAVES.items()}


Plan = list[tuple[Primitive, int | float, int | float]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Operations, each with places of operands among the leaves and the results before it, or numbers."""
    plan: Plan = []
    operations = st.one_of(st.sampled_from(TABLE[:8]), st.sampled_from(WITHOUT_MASKS))
    for place in range(3, 3 + draw(st.integers(1, 12))):
        places = st.integers(max(0, place - 4), place - 1)
        first, second = draw(places), draw(st.one_of(places, NUMBERS))
        if draw(st.booleans()) and isinstance(second, float):
            plan.append((draw(operations), second, first))
        else:
            plan.append((draw(operations), first, second))
    return plan


def computed(plan: Plan, leaves: dict[str, Value]) -> Value:
    values: list[Any] = list(leaves.values())
    for op, *operands in plan:
        chosen = [operand if isinstance(operand, float) else values[operand] for operand in operands]
        made = op(*chosen[: len(op.rules)])
        values.append(made if isinstance(made, Value) else values[0] * made)
    return values[-1]  # type: ignore[no-any-return]


@settings(max_examples=80)
@given(plans())
def test_python_computes_the_same_from_the_text(plan: Plan) -> None:
    before, after = new_leaves(), new_leaves()
    output = computed(plan, before)
    text = mg.formula(output)
    assert numbers(evaluated(text, **after), after) == numbers(output, before), text


@settings(max_examples=40)
@given(plans())
def test_python_computes_the_same_from_the_boxes_of_a_picture(plan: Plan) -> None:
    before, after = new_leaves(), new_leaves()
    output = computed(plan, before)
    order = topological_order(output)
    inside = grouped(order, [output])
    names = short_names(order, skip=inside)
    results = [value for value in order if value.op is not None and value not in inside]
    lines = [
        f"{names[value]} = {formula_of(value, names, inside, PYTHON, 17, most_terms=100).text}" for value in results
    ]
    text = "\n".join([*lines, names[output]])
    assert numbers(evaluated(text, **after), after) == numbers(output, before), text


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_every_operation_is_written_in_every_notation(op: Primitive) -> None:
    leaves = new_leaves()
    operands = list(leaves.values())[: len(op.rules)]
    written = [
        notation.apply(op, list(map(notation.name, leaves))[: len(op.rules)]).text for notation in (PYTHON, TEXT, LATEX)
    ]
    assert bits(float(getattr(evaluated(written[0], **leaves), "data", math.nan))) == bits(op(*operands).data)
    read_by_matplotlib(written[2])


def read_by_matplotlib(text: str) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.mathtext import MathTextParser

    MathTextParser("path").parse(f"${text}$")


def condition(draw: Callable[[st.SearchStrategy[Any]], Any], values: list[Any], depth: int = 0) -> Any:
    """A condition of values as it is recorded: a number that is 1 or 0."""
    kind = draw(st.sampled_from(["<", "<=", "==", "!=", "not", "&", "|"][: 4 if depth > 1 else 7]))
    one, other = draw(st.sampled_from(values)), draw(st.sampled_from([*values, 0.75, -1.0]))
    if kind in ("<", "<="):
        compare = functions.less if kind == "<" else functions.less_equal
        return compare(*((one, other) if draw(st.booleans()) else (other, one)))
    if kind in ("==", "!="):
        equal = functions.equal(one, other)
        return equal if kind == "==" else 1.0 - equal
    first = condition(draw, values, depth + 1)
    if kind == "not":
        return 1.0 - first
    join = functions.mul if kind == "&" else functions.maximum
    return join(first, condition(draw, values, depth + 1))


@settings(max_examples=60)
@given(st.data())
def test_python_computes_the_same_where_conditions_select(data: st.DataObject) -> None:
    leaves = new_leaves()
    values: list[Any] = list(leaves.values())
    masks: list[Value] = []

    def draw(strategy: st.SearchStrategy[Any]) -> Any:
        return data.draw(strategy)

    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["where", "where", "clip", "+", "*"]))
        one, other = draw(st.sampled_from(values)), draw(st.sampled_from([*values, 0.5]))
        if kind == "where":
            is_shared = draw(st.booleans()) and masks
            masks.append(draw(st.sampled_from(masks)) if is_shared else condition(draw, values))
            values.append(functions.kept(masks[-1], one) + functions.dropped(masks[-1], other))
        elif kind == "clip":
            values.append(mg.clip(one, *draw(st.sampled_from([(0.0, 1.0), (None, 1.0), (-1.0, None)]))))
        elif kind == "*" and masks:
            values.append(one * draw(st.sampled_from(masks)))
        else:
            values.append(one + other if kind == "+" else one * other)
    after = new_leaves()
    text = mg.formula(values[-1])
    again = evaluated(text, **after)
    assert bits(float(getattr(again, "data", again))) == bits(values[-1].data), text
    values[-1].backward()
    if isinstance(again, Value):
        again.backward()
    slopes = [leaf.grad for leaf in after.values()]
    assert slopes == pytest.approx([leaf.grad for leaf in leaves.values()], rel=1e-12, nan_ok=True), text


@settings(max_examples=20)
@given(plans())
def test_matplotlib_reads_every_line_of_latex(plan: Plan) -> None:
    text = mg.latex(computed(plan, new_leaves()), max_lines=None)
    rows = text.removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}").split(" \\\\\n")
    read_by_matplotlib("$ $".join(row.replace("&", "") for row in rows))


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF, exclude_categories=["C", "M", "Z"]), min_size=1))
def test_matplotlib_reads_any_label(label: str) -> None:
    read_by_matplotlib(LATEX.name(label).text)


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("x", "x"),
        ("w12", "w_{12}"),
        ("x_i", "x_{i}"),
        ("alpha", r"\alpha"),
        ("beta_0", r"\beta_{0}"),
        ("loss", r"\mathrm{loss}"),
        ("p[0][1]", "p_{0,1}"),
        ("x_in", r"x_{\mathrm{in}}"),
        ("α", "α"),
        ("loss2", r"\mathrm{loss}_{2}"),
        ("learning_rate", r"\mathrm{learning\_rate}"),
        ("v3′", "v_{3}′"),
        ("p.w", r"\mathrm{p.w}"),
        ("a & b", r"\mathrm{a\ \wedge \ b}"),
    ],
)
def test_names_in_latex(label: str, written: str) -> None:
    assert LATEX.name(label).text == written


x, y, n = Value(0.5, "x"), Value(2.0, "y"), Value(3.0)


@pytest.mark.parametrize(
    ("output", "python", "latex"),
    [
        (x**2, "x**2", "x^{2}"),
        (2**x, "2**x", "2^{x}"),
        (-(x**2), "-x**2", "-x^{2}"),
        ((-x) ** 2, "(-x)**2", r"\left(-x\right)^{2}"),
        (2**-x, "2**-x", "2^{-x}"),
        (x ** (y**2), "x**y**2", "x^{y^{2}}"),
        ((x**y) ** 2, "(x**y)**2", r"\left(x^{y}\right)^{2}"),
        (x - (y - x), "x - (y - x)", r"x - \left(y - x\right)"),
        (x - y - x, "x - y - x", "x - y - x"),
        (x + (y + x), "x + (y + x)", "x + y + x"),
        (x / (y * x), "x / (y * x)", r"\frac{x}{y \cdot x}"),
        (x / y / x, "x / y / x", r"\frac{\frac{x}{y}}{x}"),
        (x * (y / x), "x * (y / x)", r"x \cdot \frac{y}{x}"),
        (-x * y, "-x * y", r"-x \cdot y"),
        (-(x * y), "-(x * y)", r"-\left(x \cdot y\right)"),
        (functions.neg(-x), "-(-x)", r"-\left(-x\right)"),
        (x * -2, "x * -2", r"x \cdot \left(-2\right)"),
        (x - -y, "x - -y", r"x - \left(-y\right)"),
        ((-2) ** x, "(-2)**x", r"\left(-2\right)^{x}"),
        ((x + y) * 2, "(x + y) * 2", r"\left(x + y\right) \cdot 2"),
        (x // y % 2, "x // y % 2", r"\left\lfloor \frac{x}{y} \right\rfloor \ \mathrm{mod} \ 2"),
        (mg.exp(-x), "exp(-x)", "e^{-x}"),
        (mg.sqrt(x) ** 2, "sqrt(x)**2", r"\sqrt{x}^{2}"),
        (mg.sin(x) ** 2, "sin(x)**2", r"\left(\sin\left(x\right)\right)^{2}"),
        (abs(x), "abs(x)", r"\left|x\right|"),
        (x * 1e-9, "x * 1e-09", r"x \cdot 10^{-9}"),
        (x * n, "x * v1", r"x \cdot v_{1}"),
        (mg.where(True, x, y), "where(True, x, y)", r"\mathrm{where}\left(\mathrm{True}, x, y\right)"),
        (mg.log1p(x + y), "log1p(x + y)", r"\log\left(1 + x + y\right)"),
        (mg.log1p(-x), "log1p(-x)", r"\log\left(1 + \left(-x\right)\right)"),
        (functions.power_slope(x, y + 1), "power_slope(x, y + 1)", r"\left(y + 1\right) \cdot x^{y + 1 - 1}"),
        (functions.power_slope(x, -2), "power_slope(x, -2)", r"-2 \cdot x^{-2 - 1}"),
        (functions.power_log(x + y, 2), "power_log(x + y, 2)", r"\left(x + y\right)^{2} \cdot \log\left(x + y\right)"),
        (functions.unit(x + y, 2), "unit(x + y, 2)", r"\frac{x + y}{\sqrt{\left(x + y\right)^{2} + 2^{2}}}"),
    ],
)
def test_parentheses_stand_where_precedence_needs_them(output: Value, python: str, latex: str) -> None:
    assert mg.formula(output) == python
    assert mg.latex(output) == latex


def test_what_is_used_twice_or_has_a_label_is_named() -> None:
    h = mg.tanh(x * y)
    named = h * h + 1
    named.label = "s"
    assert mg.formula(named / 2) == "v1 = tanh(x * y)\ns = v1 * v1 + 1\ns / 2"
    assert mg.latex(named) == (
        "\\begin{aligned}\nv_{1} &= \\tanh\\left(x \\cdot y\\right) \\\\\ns &= v_{1} \\cdot v_{1} + 1\n\\end{aligned}"
    )
    assert mg.formula(x) == "x"
    assert mg.formula(n) == "v1"


def test_two_values_with_one_label_are_told_apart() -> None:
    first, second, third = Value(1.0, "w"), Value(2.0, "w"), Value(3.0, "w_2")
    assert mg.formula(first * second - third) == "w * w_3 - w_2"


def test_the_weights_of_a_neuron_have_one_number() -> None:
    output = mg.nn.MLP(1, [3, 1], seed=0)([x])
    assert mg.formula(output) == (
        "b_2 + w0_2 * relu(b + w0 * x) + w1 * relu(b_3 + w0_3 * x) + w2 * relu(b_4 + w0_4 * x)"
    )


def test_a_label_that_is_a_word_of_python_gets_an_underscore() -> None:
    rate = Value(1.0, "lambda")
    assert mg.formula(rate * x) == "lambda_ * x"
    assert mg.latex(rate * x) == r"\lambda \cdot x"


def test_a_label_that_is_a_function_called_in_the_formula_gets_an_underscore() -> None:
    tanh, where, nan = Value(0.5, "tanh"), Value(2.0, "where"), Value(3.0, "nan")
    text = mg.formula(mg.tanh(tanh) * where * math.nan + nan)
    assert text == "tanh(tanh_) * where * nan + nan_"
    assert mg.formula(tanh * mg.sin(where)) == "tanh * sin(where)"
    (selected,) = mg.jit(lambda clip, where: mg.where(where > 0, mg.clip(clip, 0, 1), 2.0)).graph(0.5, 2.0)
    assert mg.formula(selected) == "where(where_ > 0, clip(clip_, 0, 1), 2)"
    assert mg.latex(mg.tanh(tanh)) == r"\tanh\left(\mathrm{tanh}\right)"


def test_a_function_that_is_recorded_may_print_its_formulas() -> None:
    def function(z: Any) -> Any:
        y = z * z + 1
        texts.append(mg.formula(y * y))
        return y

    texts: list[str] = []
    assert mg.grad(function)(3.0) == 6.0
    pytest.importorskip("llvmlite")
    assert mg.jit(function)(3.0) == 10.0
    assert len(texts) == 2
    assert all(text.endswith("\nv2 * v2") for text in texts)


def test_made_up_names_are_nobodys_label_in_formulas() -> None:
    label = Value(1.0, "v1")
    assert mg.formula(label * Value(2.0)) == "v1 * v2"


@pytest.mark.parametrize("step", [lambda y: y + x * 0.5, lambda y: mg.sin(y), lambda y: y * y * 0.5])
def test_large_graphs_are_written_in_bounded_lines_without_recursion(step: Any) -> None:
    output = x
    for _ in range(4000):
        output = step(output)
    lines = mg.formula(output).splitlines()
    assert len(lines) == 100
    assert max(map(len, lines)) < 120
    assert lines[49].startswith("# ")
    assert lines[49].endswith(" lines left out")
    left_out = int(lines[49].split()[1].replace(",", ""))
    assert len(mg.formula(output, max_lines=None).splitlines()) == 99 + left_out
    assert len(mg.formula(output, max_lines=3).splitlines()) == 3
    assert "&\\vdots" in mg.latex(output)


def test_a_deep_text_is_computed_by_python() -> None:
    leaf = Value(0.5, "x")
    output = leaf
    for _ in range(1000):
        output = mg.sin(output) + leaf
    assert evaluated(mg.formula(output, max_lines=None), x=Value(0.5)).data == output.data


def test_the_zero_that_a_sum_begins_with_is_there_for_python_alone() -> None:
    x, y = Value(2.0, "x"), Value(3.0, "y")
    total = sum([x * y], 0 + x) ** 2
    assert mg.formula(total) == "(0 + x + x * y)**2"
    assert mg.latex(total) == r"\left(x + x \cdot y\right)^{2}"
    assert mg.latex(0 + x) == "0 + x"


def test_precision_says_how_many_digits() -> None:
    third = x * (1 / 3)
    assert mg.formula(third) == "x * 0.3333333333333333"
    assert mg.formula(third, precision=2) == "x * 0.33"
    assert mg.latex(third) == r"x \cdot 0.3333"


def test_a_notebook_shows_what_has_a_label_as_a_formula_with_its_number() -> None:
    output = x * y
    assert output._repr_latex_() is None
    output.label = "area"
    assert output._repr_latex_() == r"$\displaystyle \mathrm{area} = x \cdot y = 1$"
    assert x._repr_latex_() == "$x = 0.5$"
    assert notebook_latex(output) == output._repr_latex_()
    for _ in range(200):
        output = output + 1
    output.label = "large"
    assert output._repr_latex_() is None


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(TypeError, match="formula takes a Value, not float"):
        mg.formula(2.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="latex takes a Value, not list"):
        mg.latex([x])  # type: ignore[arg-type]
    for wrong in (0, 18, 2.5, True):
        with pytest.raises(ValueError, match="precision is an int from 1 to 17"):
            mg.formula(x, precision=wrong)  # type: ignore[arg-type]
    for few in (2, "all", True):
        with pytest.raises(ValueError, match="max_lines is an int from 3 on, or None"):
            mg.formula(x, max_lines=few)  # type: ignore[arg-type]


def test_a_result_with_the_label_of_what_it_is_made_from_has_a_name_of_its_own() -> None:
    x = Value(0.5, "x")
    y = x * 2
    y.label = "y"
    z = (y + 1) * y
    z.label = "y"
    assert mg.latex(z).splitlines()[1:3] == [r"y &= x \cdot 2 \\", r"y_{2} &= \left(y + 1\right) \cdot y"]
    assert r"y_{2} &= \left(y + 1\right) \cdot y = 2" in str(z._repr_latex_())


def test_many_leaves_with_one_label_are_told_apart_in_linear_time() -> None:
    leaves = [Value(1.0, "w") for _ in range(20_000)]
    start = time.process_time()
    text = mg.formula(mg.sum(leaves), max_lines=None)
    with mg.scope("layer"):
        scoped = mg.sum([leaf * leaf for leaf in leaves])
    again = mg.formula(scoped, max_lines=None)
    assert time.process_time() - start < 20  # it took minutes when each looked at the numbers of all others
    assert len(set(re.findall(r"w_\d+", text))) == len(set(re.findall(r"w_\d+", again))) == len(leaves) - 1
