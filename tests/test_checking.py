"""The checker: verdicts, nested points, anybody's gradients, the report, bad input."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import microgrady as mg
from microgrady import Value
from microgrady.checking import Report, check_gradient
from microgrady.checking.gradient import MANY
from microgrady.checking.report import SHOWN


def verdicts(report: Report) -> list[str]:
    return [str(entry.verdict) for entry in report.entries]


def test_every_verdict_is_reached_and_written_as_documented() -> None:
    noise = np.random.default_rng(0).normal(size=100_000)

    def noisy(x: float) -> float:
        return x + 1e-3 * float(noise[hash(x) % len(noise)])

    assert verdicts(check_gradient(lambda x: x**2, 3.0, gradient=6.0)) == ["match"]
    assert verdicts(check_gradient(lambda x: x**2, 3.0, gradient=6.006)) == ["mismatch"]
    assert verdicts(check_gradient(abs, 0.0, gradient=0.0)) == ["not differentiable"]
    assert verdicts(check_gradient(noisy, 3.0, gradient=1.00001)) == ["inconclusive"]


def test_nested_points_are_named_as_python_writes_them() -> None:
    def f(layer: Any, scale: float) -> Any:
        return scale * (mg.dot(layer["w"], [1.0, 2.0]) + layer["b"][0][1])

    report = check_gradient(f, {"w": np.array([1.0, 2.0]), "b": [(3, 4)]}, 2)
    names = ["layer['w'][0]", "layer['w'][1]", "layer['b'][0][0]", "layer['b'][0][1]", "scale"]
    assert [entry.name for entry in report.entries] == names
    assert report.ok
    assert [entry.claimed for entry in report.entries] == [2.0, 4.0, 0.0, 2.0, 9.0]


@pytest.mark.parametrize(
    "gradient",
    [
        lambda p: {"a": 3.0, "b": [1.0, 2.0]},
        {"a": 3, "b": (1, 2)},
        {"a": np.float32(3), "b": np.array([1, 2])},
        {"a": Value(3.0), "b": [1.0, Value(2.0)]},
    ],
    ids=["function", "integers", "numpy", "Values"],
)
def test_a_gradient_may_be_a_function_or_numbers_in_any_like_structure(gradient: Any) -> None:
    report = check_gradient(
        lambda p: 3 * p["a"] + p["b"][0] + 2 * p["b"][1], {"a": 1.0, "b": [1.0, 1.0]}, gradient=gradient
    )
    assert report


def test_a_function_of_several_results_is_checked_result_by_result() -> None:
    def f(x: Any) -> Any:
        return {"sum": x[0] + x[1], "product": x[0] * x[1]}

    report = check_gradient(f, np.array([2.0, 3.0]))
    assert [entry.claimed for entry in report.entries] == [1.0, 1.0, 3.0, 2.0]
    assert report.entries[2].name == "result['product'] by x[0]"
    assert report.ok
    wrong = {"sum": [1.0, 1.0], "product": [2.0, 3.0]}
    assert verdicts(check_gradient(f, np.array([2.0, 3.0]), gradient=wrong)) == ["match"] * 2 + ["mismatch"] * 2


def test_matrices_of_several_arrays_are_checked_at_the_right_places() -> None:
    def f(a: Any, b: Any) -> Any:
        return a @ b

    report = check_gradient(f, np.arange(6.0).reshape(2, 3), np.arange(6.0, 12.0).reshape(3, 2))
    assert len(report.entries) == 4 * 12
    assert report.ok


def test_second_derivatives_are_checked_with_order_2() -> None:
    def f(x: Any, y: Any) -> Any:
        return mg.sin(x * y) * mg.exp(x)

    report = check_gradient(f, 1.0, 2.0, order=2)
    assert [entry.name for entry in report.entries] == ["x, x", "x, y", "y, x", "y, y"]
    assert report.ok
    assert not check_gradient(f, 1.0, 2.0, order=2, gradient=((0.0, 1.0), (1.0, 0.0)))


def test_second_derivatives_that_are_zero_match_zero() -> None:
    report = check_gradient(lambda x, y: mg.sin(x) + mg.exp(y), 1.0, 2.0, order=2)
    assert [entry.claimed for entry in report.entries][1:3] == [0.0, 0.0]
    assert report.ok


SECOND: list[Any] = [
    lambda x, y: x**3 + y**3,
    lambda x, y: x**2 + y**2,
    lambda x, y: 2 * x + 3 * y,
    lambda x, y: x * y,
    lambda x, y: mg.exp(x) + y**3,
    lambda x, y: x**4 - 3 * x**2 + y,
    lambda x, y: mg.tanh(x) * y,
]


@pytest.mark.parametrize("f", SECOND)
def test_second_derivatives_that_vanish_raise_no_alarm_on_a_grid(f: Any) -> None:
    for x in (-1.5, 0.0, 0.1, 1.5):
        for y in (-0.5, 0.0, 0.1, 3.0):
            report = check_gradient(f, x, y, order=2)
            assert set(verdicts(report)) <= {"match", "inconclusive"}, str(report)
            wrong = check_gradient(f, x, y, order=2, gradient=((7.1, 8.2), (9.3, 7.4)))
            assert "match" not in verdicts(wrong), str(wrong)


def test_second_derivatives_find_a_rule_that_was_detached() -> None:
    detached = mg.primitive(
        "detached_square", lambda x: x * x, lambda y, x: 2.0 * (x.data if isinstance(x, Value) else x)
    )
    assert check_gradient(detached, 3.0)
    assert verdicts(check_gradient(detached, 3.0, order=2)) == ["mismatch"]


def test_random_directions_find_a_wrong_entry_and_pass_a_right_gradient() -> None:
    point = np.linspace(0.5, 2.0, 50)
    right = 3 * point**2
    wrong = right.copy()
    wrong[17] *= 1.5
    assert check_gradient(lambda x: (x**3).sum(), point, gradient=right, directions=3)
    assert not check_gradient(lambda x: (x**3).sum(), point, gradient=wrong, directions=3)
    assert len(check_gradient(lambda x: (x**3).sum(), point, gradient=right, directions=3).entries) == 3


def test_gradients_of_pytorch_are_checked() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[peers]'")

    def f(x: Any) -> Any:
        return torch.sin(torch.tensor(x, dtype=torch.float64)).prod()

    def slope(x: Any) -> Any:
        leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        torch.sin(leaf).prod().backward()
        return leaf.grad

    point = np.array([0.5, 1.0, 2.0])
    assert check_gradient(f, point, gradient=slope)
    assert not check_gradient(f, point, gradient=lambda x: -slope(x))


def test_gradients_of_jax_are_checked() -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[peers]'")
    with jax.enable_x64(True):

        def f(x: Any) -> Any:
            return jax.numpy.tanh(x).sum() + x[0] * x[1]

        assert check_gradient(f, np.array([0.5, 1.0]), gradient=jax.grad(f))


def test_hand_written_numpy_gradients_are_checked() -> None:
    matrix = np.random.default_rng(3).normal(size=(4, 4))
    point = np.array([0.5, -1.0, 2.0, 1e-3])
    assert check_gradient(lambda x: x @ matrix @ x, point, gradient=lambda x: (matrix + matrix.T) @ x)
    assert not check_gradient(lambda x: x @ matrix @ x, point, gradient=lambda x: 2 * matrix @ x)


def test_a_progress_bar_is_shown_for_many_inputs_only(capsys: pytest.CaptureFixture[str]) -> None:
    def gradient(x: Any) -> Any:
        return 2 * x

    check_gradient(lambda x: (x**2).sum(), np.ones(MANY), gradient=gradient)
    assert capsys.readouterr().err == ""
    check_gradient(lambda x: (x**2).sum(), np.ones(MANY + 1), gradient=gradient)
    assert "check_gradient" in capsys.readouterr().err


def test_the_report_is_a_table_with_the_worst_first() -> None:
    report = check_gradient(lambda x, y: x * y, 2.0, 3.0, gradient=(3.0, 5.0))
    header, first, second, summary = str(report).splitlines()
    assert header.split() == ["input", "claimed", "estimate", "bound", "relative", "error", "verdict"]
    assert first.split()[:3] == ["y", "5", "2"]
    assert first.endswith("mismatch")
    assert second.startswith("x ")
    assert summary == "1 of 2 derivatives match; 1 mismatch"
    assert repr(report) == f"<Report: {summary}>"
    assert max(map(len, str(report).splitlines())) <= 80


def test_the_report_counts_what_it_leaves_out() -> None:
    report = check_gradient(lambda x: (x**2).sum(), np.arange(1.0, SHOWN + 6.0), gradient=lambda x: 2 * x)
    assert len(str(report).splitlines()) == 1 + SHOWN + 1 + 1
    assert "... and 5 more" in str(report)


def test_a_mismatch_is_not_buried_under_matches() -> None:
    point = np.arange(1.0, 41.0)
    report = check_gradient(lambda x: (x**2).sum(), point, gradient=2 * point + (point == 18.0))
    header, worst, note, summary = str(report).splitlines()
    assert worst.split()[:3] == ["x[17]", "37", "36"]
    assert note == "... and 39 matches: report.entries has all"
    assert summary == report.summary() == "39 of 40 derivatives match; 1 mismatch"
    assert report._repr_html_().count("<tr>") == 2
    assert "and 39 matches" in report._repr_html_()
    assert report.table() == "\n".join([header, worst, note])
    assert len(report.table(limit=5).splitlines()) == 1 + 5 + 1
    assert report.table(limit=5).endswith("... and 35 more matches: report.entries has all")
    assert len(report.table(limit=40).splitlines()) == 1 + 40
    wrong = check_gradient(lambda x: (x**2).sum(), point, gradient=2 * point + (point > 2.0))
    assert str(wrong).splitlines()[-2] == "... and 8 more mismatches and 2 matches: report.entries has all"
    for limit in (-1, 2.0, True):
        with pytest.raises(ValueError, match="limit must be None or an int of at least 0, not"):
            report.table(limit=limit)  # type: ignore[arg-type]


def test_the_report_is_html_in_a_notebook_and_json_elsewhere() -> None:
    report = check_gradient(lambda p: p["<a>"] ** 2, {"<a>": 2.0})
    assert "<td>p[&#x27;&lt;a&gt;&#x27;]</td>" in report._repr_html_()
    as_json = json.loads(json.dumps(report.to_dict()))
    assert as_json["ok"] is True
    assert as_json["entries"][0]["claimed"] == 4.0


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((3, 1.0), {}, r"takes a function, not int \(3\)"),
        ((abs, "a"), {}, r"the point\[0\] must be a real number.* not str"),
        ((lambda x: "a", 1.0), {}, r"at x = 1.0 must be a real number.* not str"),
        ((lambda x: 1j, 1.0), {}, r"at x = 1.0 must be a real number.* not complex"),
        ((lambda x: None, 1.0), {}, r"at x = 1.0 must be a real number.* not NoneType"),
        ((abs, 1.0), {"gradient": "a"}, r"the claimed gradient must be a real number.* not str"),
    ],
)
def test_what_is_no_number_is_a_type_error(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        check_gradient(*arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        ((abs,), {}, "takes the point"),
        ((math.log, -1.0), {}, r"raises ValueError at x0? = -1.0: math domain error"),
        ((mg.log, -1.0), {}, r"not defined at x0? = -1.0: the result is nan"),
        ((lambda x: math.inf, 1.0), {}, "not defined at x = 1.0: the result is inf"),
        ((lambda x: x, 1.0), {"gradient": [1.0]}, "must have a number for each input"),
        ((lambda x, y: x, 1.0, 2.0), {"gradient": 1.0}, "must have a number for each input"),
        ((lambda x: [x[0], x[0]], [1.0]), {"gradient": [1.0, 1.0]}, "for each input of each result"),
        ((lambda x: 3.0, []), {}, "there is nothing to check"),
        ((lambda x: [], 1.0), {}, "there is nothing to check"),
        ((abs, 1.0), {"tolerance": -1.0}, "tolerance must be a real number of at least 0, not float"),
        ((abs, 1.0), {"tolerance": "a"}, "tolerance must be a real number of at least 0, not str"),
        ((abs, 1.0), {"gradient": lambda x: 1 / 0}, "the claimed gradient raises ZeroDivisionError"),
        ((abs, 1.0), {"order": True}, "order must be 1 or 2, not True"),
        ((abs, 1.0), {"order": 3}, "order must be 1 or 2, not 3"),
        ((abs, 1.0), {"directions": 0}, "directions must be an int of at least 1"),
        ((abs, 1.0), {"directions": 2, "order": 2}, "directions must be"),
    ],
)
def test_what_cannot_be_checked_is_a_value_error(arguments: Any, options: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_gradient(*arguments, **options)


def test_a_keyboard_interrupt_inside_the_function_gets_through() -> None:
    calls = []

    def f(x: float) -> float:
        calls.append(x)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        check_gradient(f, 1.0, gradient=1.0)


def test_the_end_of_the_domain_beside_the_point_is_no_obstacle() -> None:
    assert check_gradient(math.sqrt, 1e-3, gradient=lambda x: 0.5 / math.sqrt(x))
    assert check_gradient(math.asin, 1 - 1e-6, gradient=lambda x: 1 / math.sqrt(1 - x * x))
    assert check_gradient(math.log, 1e-300, gradient=lambda x: 1 / x)


def test_every_function_of_the_table_passes_its_check() -> None:
    for name in ("sin", "exp", "tanh", "erf", "gamma", "softplus", "asinh", "cbrt", "log1p"):
        assert check_gradient(getattr(mg, name), 0.7), name


def test_find_anomaly_names_the_first_operation_that_left_the_finite_numbers() -> None:
    x = Value(-1.0, "x")
    found = mg.find_anomaly(mg.exp(mg.log(x) * 2.0) + mg.sqrt(x))
    assert found is not None
    assert str(found) in {"log(x = -1) is nan", "sqrt(x = -1) is nan"}
    assert found.node.op is not None


def test_find_anomaly_finds_nothing_where_all_is_finite_or_a_leaf_brought_it_in() -> None:
    assert mg.find_anomaly(Value(2.0) * 3.0) is None
    assert mg.find_anomaly(Value(math.inf) * 2.0) is None


def test_find_anomaly_finds_infinite_local_derivatives_on_demand() -> None:
    root = mg.sqrt(Value(0.0)) * 2.0
    assert mg.find_anomaly(root) is None
    found = mg.find_anomaly(root, partials=True)
    assert str(found) == "the derivative of sqrt(0) by its operand is inf"


@pytest.mark.parametrize(
    ("f", "steep", "words"),
    [
        (
            lambda x: mg.sqrt(x) ** 2,
            "sqrt",
            "0 * inf counts as 0 where the slope of sqrt(x = 0) meets that of 0**2",
        ),
        (lambda x: (mg.sqrt(x) * 3.0 + x) ** 2 + 1.0, "sqrt", "meets that of 0**2"),
        (lambda x: x * mg.sqrt(x), "sqrt", "meets that of (x = 0) * 0"),
        (lambda x: mg.cos(mg.cbrt(x)), "cbrt", "meets that of cos(0)"),
        (lambda x: mg.exp(mg.log(1.0 + x) * 0.5 - 800.0) * mg.asin(1.0 - x), "asin", "meets that of 0 * "),
        (
            lambda x: mg.sqrt(abs(x)),
            "abs",
            "0 * inf counts as 0 where a kink of abs(x = 0) has slope 0 and meets inf",
        ),
        (lambda x: mg.sqrt(mg.relu(x)), "relu", "a kink of relu(x = 0)"),
        (lambda x: (lambda root: root * 2.0 - root - root)(mg.sqrt(x)), "sqrt", "meets derivatives that cancel"),
    ],
)
def test_find_anomaly_names_the_place_where_a_zero_met_an_infinite_slope(f: Any, steep: str, words: str) -> None:
    x = Value(0.0, "x")
    output = f(x)
    x.grad = 3.0
    found = mg.find_anomaly(output)
    assert found is not None
    assert found.node.op is not None
    assert found.node.op.name == steep
    assert words in str(found)
    assert str(found).endswith("the limit may differ")
    assert x.grad == 3.0
    assert output.grad == found.node.grad == 0.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: mg.where(x > 0, mg.sqrt(x), 0.0) + x,
        lambda x: 0.0 * mg.sqrt(x),
        lambda x: mg.sqrt(x) ** 0,
        lambda x: 0.0 / (1.0 + mg.sqrt(x)),
        lambda x: mg.floor(mg.sqrt(x)),
        lambda x: mg.sqrt(x) + x,
        lambda x: mg.relu(-1.0 - mg.sqrt(x)),
        lambda x: mg.sqrt(mg.relu(x - 1.0)),
        lambda x: mg.sqrt(mg.floor(x + 0.5)),
        lambda x: (x + 1.0) ** 2 * x**2,
        lambda x: x,
    ],
)
def test_find_anomaly_names_no_zero_that_holds_around_the_point(f: Any) -> None:
    assert mg.find_anomaly(f(Value(0.0))) is None


def test_find_anomaly_names_the_first_zero_that_met_an_infinite_slope_at_any_depth() -> None:
    x, y = Value(0.0, "x"), Value(0.0, "y")
    inner = mg.sqrt(x) ** 2
    output = inner
    for _ in range(100_000):
        output = output + 0.5
    found = mg.find_anomaly(output + mg.sqrt(y) ** 2)
    assert found is not None
    assert "sqrt(x = 0)" in str(found) or "sqrt(y = 0)" in str(found)
    assert mg.find_anomaly(mg.log(x) + inner).message == "log(x = 0) is -inf"  # type: ignore[union-attr]


def test_find_anomaly_refuses_what_is_no_value() -> None:
    with pytest.raises(TypeError, match="takes a Value, not float"):
        mg.find_anomaly(1.0)  # type: ignore[arg-type]
