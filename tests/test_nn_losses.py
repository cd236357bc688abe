"""Losses and softmax: held to PyTorch, mpmath and their closed forms, at ties and infinities, eager and compiled."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgrady as mg
from microgrady import Value, nn
from microgrady.nn.losses import require_targets

INF, NAN = math.inf, math.nan
LOGITS = st.lists(st.floats(-60.0, 60.0), min_size=1, max_size=6)
PROBABILITY = st.floats(0.0, 1.0)


def alike(expected: Any, absolute: float = 1e-15) -> Any:
    return pytest.approx(expected, rel=1e-13, abs=absolute, nan_ok=True)


# Their parts.


def test_there_is_one_softmax() -> None:
    for name in ("softmax", "log_softmax", "logsumexp"):
        assert getattr(nn, name) is getattr(mg, name)


@given(LOGITS)
def test_log_softmax_is_the_logarithm_of_softmax_and_its_exponentials_sum_to_one(logits: list[float]) -> None:
    logs, shares = mg.log_softmax(logits), mg.softmax(logits)
    assert [math.exp(log) for log in logs] == alike(shares)
    assert math.fsum(shares) == alike(1.0)
    assert max(logs) <= 0.0
    assert logs == alike([x - mg.logsumexp(logits) for x in logits], absolute=1e-13)


@given(LOGITS, st.integers(0, 5))
def test_the_slopes_of_log_softmax_are_one_at_its_own_place_less_the_shares(logits: list[float], index: int) -> None:
    index %= len(logits)
    slopes = mg.grad(lambda p: mg.log_softmax(p)[index])(logits)
    assert slopes == alike([(k == index) - share for k, share in enumerate(mg.softmax(logits))])


@pytest.mark.parametrize("logits", [[800.0, -30.0, 799.0], [1e300, 1e300], [-745.0, 0.0, 1e-17], [3.0] * 4])
def test_log_softmax_has_the_digits_of_mpmath(logits: list[float]) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(400):
        scale = mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x) - max(logits)) for x in logits))
        exact = [float(mpmath.mpf(x) - max(logits) - scale) for x in logits]
    assert mg.log_softmax(logits) == alike(exact)


@pytest.mark.parametrize(
    ("logits", "shares", "logs"),
    [
        ([INF, 0.0], [1.0, 0.0], [0.0, -INF]),  # one that is infinite takes it all
        ([-INF, INF], [0.0, 1.0], [-INF, 0.0]),
        ([-INF, 2.0, 2.0], [0.0, 0.5, 0.5], [-INF, -math.log(2.0), -math.log(2.0)]),
        ([1e308, -1e308], [1.0, 0.0], [0.0, -INF]),
        ([INF, INF], [NAN, NAN], [NAN, NAN]),  # their shares are not determined
        ([-INF, -INF], [NAN, NAN], [NAN, NAN]),
        ([0.0, NAN], [NAN, NAN], [NAN, NAN]),
        ([INF], [1.0], [0.0]),
        ([-INF], [1.0], [0.0]),
    ],
)
def test_softmax_of_infinities_is_the_limit_or_nan_and_so_are_its_slopes(
    logits: list[float], shares: list[float], logs: list[float]
) -> None:
    pytest.importorskip("llvmlite")
    assert mg.softmax(logits) == alike(shares)
    assert mg.log_softmax(logits) == alike(logs)
    slopes = [[a * ((i == k) - b) for k, b in enumerate(shares)] for i, a in enumerate(shares)]
    of_logs = [[(i == k) - b for k, b in enumerate(shares)] for i in range(len(shares))]
    function: Any
    for function, value, expected in ((mg.softmax, shares, slopes), (mg.log_softmax, logs, of_logs)):
        for found, row in zip(mg.jacobian(function)(logits), expected, strict=True):
            assert found == alike(row)
        compiled = mg.jit(lambda p, function=function: (function(p), mg.jacobian(function)(p)))
        assert compiled(logits)[0] == alike(value)
        assert [list(row) for row in compiled(logits)[1]] == [alike(row) for row in expected]


def test_log_softmax_keeps_the_shape_of_an_array_and_refuses_nothing_at_all() -> None:
    np = pytest.importorskip("numpy")
    logs = mg.log_softmax(np.zeros((2, 2)))
    assert logs.dtype == np.float64
    assert logs.tolist() == [[-math.log(4.0)] * 2] * 2
    values = mg.log_softmax(np.array([Value(1.0), Value(1.0)]))
    assert [value.data for value in values] == [-math.log(2.0)] * 2
    with pytest.raises(ValueError, match="log_softmax takes at least one number, not none"):
        mg.log_softmax([])


def test_the_picture_of_a_softmax_has_no_more_than_its_formula() -> None:
    operations = set()
    pending: list[Any] = [nn.cross_entropy([Value(1.0), Value(3.0)], 0)]
    while pending:
        value = pending.pop()
        if isinstance(value, Value) and value.op is not None:
            operations.add(value.op.name)
            pending.extend(value.operands)
    assert operations == {"sub", "exp", "add", "log"}


# Cross-entropy.


@settings(max_examples=40)
@given(LOGITS, st.data())
def test_cross_entropy_and_its_slopes_are_those_of_pytorch(logits: list[float], data: Any) -> None:
    torch = pytest.importorskip("torch")
    count = len(logits)
    target = data.draw(st.integers(0, count - 1))
    shares = data.draw(st.lists(PROBABILITY, min_size=count, max_size=count))
    for theirs, ours in ((target, target), (torch.tensor(shares, dtype=torch.float64), shares)):
        leaf = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(leaf, torch.as_tensor(theirs))
        loss.backward()
        value, slopes = mg.value_and_grad(nn.cross_entropy)(logits, ours)
        assert value == alike(loss.item(), absolute=1e-14)
        assert slopes == alike(leaf.grad.tolist(), absolute=1e-14)


@given(LOGITS, st.integers(0, 5))
def test_a_class_is_the_distribution_that_is_all_there(logits: list[float], index: int) -> None:
    index %= len(logits)
    target = [float(k == index) for k in range(len(logits))]
    of_class, of_shares = mg.value_and_grad(nn.cross_entropy), mg.value_and_grad(nn.cross_entropy)
    assert of_class(logits, index) == of_shares(logits, target)
    assert nn.cross_entropy(logits, index) >= 0.0


@given(LOGITS, st.integers(0, 5))
def test_the_second_derivative_of_cross_entropy_is_the_spread_of_the_shares(logits: list[float], index: int) -> None:
    index %= len(logits)
    shares = mg.softmax(logits)
    hessian = mg.hessian(lambda p: nn.cross_entropy(p, index))(logits)
    for i, row in enumerate(hessian):
        assert row == alike([shares[i] * ((i == k) - share) for k, share in enumerate(shares)])


@pytest.mark.parametrize(
    ("logits", "target", "value", "slopes"),
    [
        ([2.0, 2.0], 0, math.log(2.0), [-0.5, 0.5]),
        ([1000.0, 0.0, -1000.0], 2, 2000.0, [1.0, 0.0, -1.0]),
        ([INF, 0.0], 0, 0.0, [0.0, 0.0]),
        ([INF, 0.0], 1, INF, [1.0, -1.0]),
        ([-INF, 0.0, 0.0], 1, math.log(2.0), [0.0, -0.5, 0.5]),
        ([-INF, 0.0], 0, INF, [-1.0, 1.0]),
        ([-INF, 0.0], [0.0, 1.0], 0.0, [0.0, 0.0]),  # 0 * -inf is 0
        ([-INF, 0.0, 0.0], [0.0, 0.25, 0.75], math.log(2.0), [0.0, 0.25, -0.25]),
        ([-INF, 0.0], [0.5, 0.5], INF, [-0.5, 0.5]),
        ([0.0, 0.0], [0.0, 0.0], 0.0, [0.0, 0.0]),
        ([-INF, -INF], 0, NAN, [NAN, NAN]),
        ([INF, INF], 1, NAN, [NAN, NAN]),
        ([NAN, 0.0], 1, NAN, [NAN, NAN]),
        ([5.0], 0, 0.0, [0.0]),
    ],
)
def test_cross_entropy_at_ties_and_infinities(logits: list[float], target: Any, value: float, slopes: Any) -> None:
    pytest.importorskip("llvmlite")
    for transform in (lambda function: function, mg.jit):
        found, derivative = transform(mg.value_and_grad(nn.cross_entropy))(logits, target)
        assert found == alike(value)
        assert derivative == alike(slopes)
    assert nn.cross_entropy(logits, target) == alike(value)


def test_cross_entropy_takes_classes_of_all_types_and_gives_a_value_if_there_is_one() -> None:
    np = pytest.importorskip("numpy")
    logits = [0.5, 1.5, -1.0]
    expected = nn.cross_entropy(logits, 1)
    assert type(expected) is float
    for target in (1.0, True, np.int64(1), np.uint8(1), np.float32(1.0), np.array(1), [0, 1, 0], np.array([0.0, 1, 0])):
        assert nn.cross_entropy(logits, target) == expected
        assert nn.cross_entropy(np.array(logits), target) == expected
    for with_values in (nn.cross_entropy([Value(x) for x in logits], 1), nn.cross_entropy(logits, Value(1.0))):
        assert type(with_values) is Value
        assert with_values.data == expected


def test_a_value_that_is_not_a_class_gives_nan_and_no_slopes() -> None:
    pytest.importorskip("llvmlite")
    for target in (0.5, -1.0, 2.0, NAN, INF):
        slopes: Any = mg.value_and_grad(nn.cross_entropy)
        for loss, derivative in (mg.jit(slopes)([0.0, 1.0], target), mg.detach(slopes([0.0, 1.0], Value(target)))):
            assert [loss, *derivative] == alike([NAN, NAN, NAN])


def test_the_slope_by_a_distribution_is_what_its_shares_cost() -> None:
    logits = [0.5, 1.5, -1.0]
    slopes = mg.grad(nn.cross_entropy, 1)(logits, [0.0, 0.25, 0.75])
    assert slopes == alike([-log for log in mg.log_softmax(logits)])


def test_compiled_cross_entropy_has_one_path_and_one_exponential_for_each_logit() -> None:
    pytest.importorskip("llvmlite")
    logits = [0.3 * k * k % 2.0 for k in range(10)]
    compiled = mg.jit(mg.value_and_grad(nn.cross_entropy))
    for target in range(10):
        value, slopes = compiled(logits, float(target))
        expected = mg.value_and_grad(nn.cross_entropy)(logits, target)
        assert (value, slopes) == (expected[0], alike(expected[1]))
    assert len(compiled.paths) == 1
    code = compiled.to_c()
    assert [len(re.findall(rf"\b{name}\(", code)) for name in ("exp", "log", "log1p")] == [10, 1, 0]


def test_in_a_batch_each_sample_has_its_own_class() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("llvmlite")
    logits = np.sin(np.arange(60.0)).reshape(20, 3) * 5.0
    classes = np.arange(20) % 3
    classes[7] = 3
    losses = mg.vmap(nn.cross_entropy)(logits, classes)
    expected = [nn.cross_entropy(row, k) if k < 3 else NAN for row, k in zip(logits, classes, strict=True)]
    assert losses.tolist() == alike(expected)
    shares = np.abs(logits[:, ::-1])
    expected = [nn.cross_entropy(*pair) for pair in zip(logits, shares, strict=True)]
    assert mg.vmap(nn.cross_entropy)(logits, shares).tolist() == alike(expected)
    folded = mg.vmap(mg.grad(nn.cross_entropy), reduce="mean")(logits[:6], classes[:6])
    one_by_one = [mg.grad(nn.cross_entropy)(row, int(k)) for row, k in zip(logits[:6], classes[:6], strict=True)]
    assert folded == alike(np.mean(one_by_one, axis=0))


# Binary cross-entropy.


@settings(max_examples=60)
@given(st.floats(-800.0, 800.0), PROBABILITY | st.sampled_from([0.0, 1.0]))
def test_binary_cross_entropy_is_that_of_mpmath_with_all_digits_for_labels(logit: float, target: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(800):
        z, t = mpmath.mpf(logit), mpmath.mpf(target)
        exact = t * mpmath.log1p(mpmath.exp(-z)) + (1 - t) * mpmath.log1p(mpmath.exp(z))
        sigmoid = 1 / (1 + mpmath.exp(-z))
        by_logit = (1 - t) * sigmoid - t * (1 - sigmoid)
        slack = 5e-324 if target in (0.0, 1.0) else 4e-16
    slopes: Any = mg.value_and_grad(nn.binary_cross_entropy)
    for value, slope in (slopes(logit, target), mg.detach(slopes(logit, Value(target)))):
        assert value == pytest.approx(float(exact), rel=2e-15, abs=5e-324)
        assert slope == pytest.approx(float(by_logit), rel=4e-15, abs=slack)
    assert mg.grad(nn.binary_cross_entropy, 1)(logit, Value(target)).data == -logit


@given(st.floats(-40.0, 40.0), PROBABILITY)
def test_binary_cross_entropy_is_cross_entropy_of_two_classes(logit: float, target: float) -> None:
    two = nn.cross_entropy([0.0, logit], [1.0 - target, target])
    assert nn.binary_cross_entropy(logit, target) == alike(two, absolute=1e-14)


@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [
        (0.0, 0.0, math.log(2.0), 0.5),
        (0.0, 1.0, math.log(2.0), -0.5),
        (0.0, 0.5, math.log(2.0), 0.0),
        (INF, 1.0, 0.0, 0.0),
        (INF, 0.0, INF, 1.0),
        (-INF, 0.0, 0.0, 0.0),
        (-INF, 1.0, INF, -1.0),
        (INF, 0.25, INF, 0.75),
        (-INF, 0.25, INF, -0.25),
        (1e308, 0.25, 0.75e308, 0.75),
        (NAN, 1.0, NAN, NAN),
    ],
)
def test_binary_cross_entropy_at_ties_and_infinities(logit: float, target: float, value: float, slope: float) -> None:
    pytest.importorskip("llvmlite")
    function = mg.value_and_grad(nn.binary_cross_entropy)
    assert function(logit, target) == alike((value, slope))
    assert mg.detach(function(logit, Value(target))) == alike((value, slope))
    assert mg.jit(function)(logit, target) == alike((value, slope))


def test_the_other_losses_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    outputs, targets = [-3.0, -0.5, 0.0, 0.25, 1.0, 40.0], [0.0, 1.0, 0.25, 1.0, 0.5, 1.0]
    signs = [-1.0, 1.0, 1.0, -1.0, 1.0, -1.0]
    cases: list[tuple[Any, Any, list[float]]] = [
        (nn.binary_cross_entropy, torch.nn.functional.binary_cross_entropy_with_logits, targets),
        (nn.mse, torch.nn.functional.mse_loss, targets),
        (nn.hinge, lambda score, target: (1.0 - score * target).relu().mean(), signs),
    ]
    for ours, theirs, wanted in cases:
        leaf = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
        loss = theirs(leaf, torch.tensor(wanted, dtype=torch.float64))
        loss.backward()
        value, slopes = mg.value_and_grad(ours)(outputs, wanted)
        assert value == alike(loss.item())
        assert slopes == alike(leaf.grad.tolist())


# Squares and hinges.


@given(st.floats(-1e3, 1e3), st.sampled_from([-1.0, 1.0]))
def test_hinge_is_that_of_the_margin_whatever_the_target_is_made_of(score: float, target: float) -> None:
    expected = (max(0.0, 1.0 - target * score), -target if target * score < 1.0 else 0.0)
    for label in (target, int(target), Value(target)):
        assert mg.value_and_grad(nn.hinge)(score, label) == expected


def test_single_numbers_and_sequences_of_them() -> None:
    np = pytest.importorskip("numpy")
    assert (nn.mse(3, 1), nn.hinge(0.5, 1), nn.hinge(INF, 1), nn.hinge(INF, -1)) == (4.0, 0.5, 0.0, INF)
    assert nn.mse([1.0, 2.0], (3, 2)) == nn.mse(np.array([1.0, 2.0]), np.array([3, 2])) == 2.0
    assert nn.mse(np.array(3.0), np.float32(1.0)) == 4.0
    assert nn.hinge([0.5, 0.5], [1, -1]) == 1.0
    prediction = Value(3.0)
    loss = nn.mse([prediction, 1.0], [1.0, 1.0])
    loss.backward()
    assert (loss.data, prediction.grad) == (2.0, 2.0)


@pytest.mark.parametrize("loss", [nn.binary_cross_entropy, nn.hinge, nn.mse])
def test_they_compile_to_one_path_for_all_targets(loss: Any) -> None:
    pytest.importorskip("llvmlite")
    np = pytest.importorskip("numpy")
    scores = np.linspace(-3.0, 3.0, 13)
    labels = np.where(np.arange(13) % 2 == 0, 1.0, 0.0 if loss is nn.binary_cross_entropy else -1.0)
    slopes = mg.value_and_grad(loss)
    expected = [slopes(*map(float, pair)) for pair in zip(scores, labels, strict=True)]
    compiled, batch = mg.jit(slopes), mg.vmap(slopes)
    assert [compiled(*pair) for pair in zip(scores, labels, strict=True)] == [alike(pair) for pair in expected]
    assert np.transpose(batch(scores, labels)) == alike(np.array(expected))
    assert len(compiled.paths) == len(batch.paths) == 1
    if loss is not nn.mse:
        assert all(map(math.isnan, compiled(0.5, 2.0)))
        assert all(map(math.isnan, compiled(0.5, -0.5)))


# Accuracy.


@given(st.integers(1, 4), st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_accuracy_of_arrays_is_that_of_lists(classes: int, targets: list[int], data: Any) -> None:
    np = pytest.importorskip("numpy")
    number = st.sampled_from([0.0, 1.0, -1.0, 2.5, NAN, INF, -INF])
    if classes == 1:
        outputs = data.draw(st.lists(number, min_size=len(targets), max_size=len(targets)))
        wanted = [target % 2 for target in targets]
    else:
        row = st.lists(number, min_size=classes, max_size=classes)
        outputs = data.draw(st.lists(row, min_size=len(targets), max_size=len(targets)))
        wanted = [target % classes for target in targets]
    expected = nn.accuracy(outputs, wanted)
    assert nn.accuracy(np.array(outputs), np.array(wanted)) == expected
    assert nn.accuracy(np.array(outputs), wanted) == expected
    if classes == 1:
        assert nn.accuracy(np.array(outputs)[:, None], np.array(wanted)) == expected


def test_accuracy_counts_what_is_right() -> None:
    np = pytest.importorskip("numpy")
    assert nn.accuracy([0.5, -2.0, 1.0, 3.0], [1, -1, -1, 1]) == 0.75
    assert nn.accuracy([Value(0.5), Value(0.0)], [1, 0]) == 1.0
    assert nn.accuracy([[1.0, 1.0], [0.0, 1.0]], [0, 1]) == 1.0  # the first of equal ones
    assert nn.accuracy([[1.0, 1.0], [0.0, 1.0]], [1, 0]) == 0.0
    assert nn.accuracy([[NAN, 1.0], [1.0, NAN]], [0, 0]) == 0.0
    assert nn.accuracy([NAN, NAN], [0, 1]) == 0.0
    assert nn.accuracy(np.eye(3), np.eye(3)) == nn.accuracy([[Value(1.0), Value(2.0)]], [[0.25, 0.75]]) == 1.0
    assert nn.accuracy([[2.0], [-2.0]], [[1], [1]]) == 0.5
    assert nn.accuracy([[1.0, 2.0], [Value(3.0), 2.0]], [Value(1), Value(1)]) == 0.5
    each = mg.vmap(lambda logits, label: nn.accuracy([logits], [label]))
    assert each(np.array([[1.0, 2.0], [3.0, 2.0], [0.0, 1.0]]), np.array([1, 1, 0])).tolist() == [1.0, 0.0, 0.0]


# What they refuse.


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("cross_entropy", ([], 0), ValueError, "cross_entropy takes at least one number, not none"),
        ("cross_entropy", (Value(1.0), 0), TypeError, "cross_entropy takes a sequence of Values and real numb"),
        ("cross_entropy", ([1.0, "a"], 0), TypeError, "each term of cross_entropy must be a real number"),
        ("cross_entropy", ([1.0, 2.0], 2), ValueError, r"must be a class, a whole number from 0 to 1 for 2 out"),
        ("cross_entropy", ([1.0, 2.0], -1), ValueError, r"must be a class.*or a share for each.*not int \(-1\)"),
        ("cross_entropy", ([1.0, 2.0], 0.5), ValueError, r"must be a class.*not float \(0.5\)"),
        ("cross_entropy", ([1.0, 2.0], NAN), ValueError, r"must be a class.*not float \(nan\)"),
        ("cross_entropy", ([1.0, 2.0], "a"), TypeError, "the target of cross_entropy must be a real number"),
        ("cross_entropy", ([1.0, 2.0], [1.0]), ValueError, "the distribution must have 2 entries, as there are"),
        ("binary_cross_entropy", (1.0, -1), ValueError, r"0, 1 or in between.*\(y \+ 1\) / 2 makes them of -1"),
        ("binary_cross_entropy", (1.0, NAN), ValueError, "must be 0, 1 or in between"),
        (
            "binary_cross_entropy",
            ([1.0], 1),
            TypeError,
            r"takes two numbers or two sequences, not list \(\[1.0\]\) and int",
        ),
        ("hinge", ([1.0, 2.0], 1), TypeError, r"hinge takes two numbers or two sequences, not list \(\[1.0, 2"),
        ("mse", (1.0, [1.0]), TypeError, r"mse takes two numbers or two sequences, not float \(1.0\) and list"),
        ("hinge", (1.0, 0), ValueError, r"-1 or 1 for hinge, not float \(0.0\): 2 \* y - 1 makes them of"),
        ("hinge", ("a", 1), TypeError, "the output of hinge must be a real number, not str"),
        ("mse", ([1.0], [1.0, 2.0]), ValueError, "mse takes as many targets as outputs, not 2 and 1"),
        ("mse", ([], []), ValueError, "mse takes at least one number, not none"),
        ("mse", (None, 1.0), TypeError, "the output of mse must be a real number, not NoneType"),
        ("accuracy", ([], []), ValueError, "accuracy takes at least one sample, not none"),
        ("accuracy", (1.0, [1]), TypeError, "the predictions of accuracy must be a sequence"),
        ("accuracy", ([1.0], [1, 0]), ValueError, "accuracy takes as many targets as predictions, not 2 and 1"),
        ("accuracy", ([1.0], [2]), ValueError, r"targets\[0\] must be a label, 0 or 1, or else -1 or 1"),
        ("accuracy", ([[1.0, 2.0]], [2]), ValueError, r"targets\[0\] must be a class"),
        ("accuracy", ([[1.0, 2.0]], [Value(2)]), ValueError, r"targets\[0\] must be a class, .*, not Value \(Value\(2"),
        ("accuracy", ([[], []], [0, 1]), ValueError, "accuracy takes at least one number, not none"),
    ],
)
def test_bad_input_gets_a_sentence(name: str, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        getattr(nn, name)(*arguments)


def test_the_logits_of_several_samples_are_refused() -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"the logits of one sample, not an array of shape \(4, 3\): mean\("):
        nn.cross_entropy(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match=r"not 4 and 3: np.stack\(predictions, axis=1\) makes rows"):
        nn.accuracy([np.zeros(4)] * 3, np.zeros(4))


def test_an_array_without_outputs_is_refused() -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(ValueError, match="accuracy takes at least one number, not none"):
        nn.accuracy(np.zeros((2, 0)), np.array([0, 1]))


def test_targets_are_checked_before_a_compiled_function_gets_them() -> None:
    np = pytest.importorskip("numpy")
    require_targets(nn.cross_entropy, np.array([0, 1, 2]), 3)
    require_targets(nn.cross_entropy, np.eye(3), 3)
    require_targets(nn.binary_cross_entropy, [0, 0.5, True], 1)
    require_targets(nn.hinge, np.array([[1.0], [-1.0]]), 1)
    require_targets(nn.mse, [5.0], 1)
    require_targets(lambda output, target: output, ["anything"], 1)
    for loss, y, outputs, message in (
        (nn.cross_entropy, np.array([0, 3]), 3, r"y\[1\] must be a class, a whole number from 0 to 2"),
        (nn.cross_entropy, [0.5], 3, r"y\[0\] must be a class"),
        (nn.cross_entropy, np.eye(2), 3, r"y\[0\] must have 3 entries"),
        (nn.cross_entropy, [0, 0], 1, "a model with one for each class, 2 or more, not 1: for two classes"),
        (nn.binary_cross_entropy, [0, 1, -1], 1, r"y\[2\] must be 0, 1 or in between"),
        (nn.hinge, np.array([1, 0]), 1, r"y\[1\] must be -1 or 1 for hinge"),
    ):
        with pytest.raises(ValueError, match=message):
            require_targets(loss, y, outputs)


def test_a_squared_error_that_overflows_is_infinite() -> None:
    assert nn.mse(1e308, 0.0) == nn.mse(Value(1e308), 0.0) == math.inf
