"""fit: what it learns, that nothing depends on threads, how it ends, and what it refuses."""

from __future__ import annotations

import math
import pickle
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

import microgrady as mg
from microgrady import Value
from microgrady.nn import MLP, History, epochs, fit
from microgrady.nn.history import Epoch
from microgrady.nn.losses import accuracy, binary_cross_entropy, cross_entropy, hinge, mse
from microgrady.optim import SGD, Adam, CosineAnnealingLR, ExponentialLR, ReduceLROnPlateau
from tests.tracers import interrupted

pytest.importorskip("llvmlite", reason="fit needs llvmlite")
np = pytest.importorskip("numpy", reason="fit needs NumPy")

MOONS = mg.data.moons(40)
SIGNS = (MOONS[0], 2 * MOONS[1] - 1)


def trained(model: Any = None, loss: Any = hinge, data: Any = SIGNS, optimizer: Any = None, **options: Any) -> History:
    """A short training without a bar."""
    model = MLP(2, [4, 1], seed=1) if model is None else model
    X, y = data
    return fit(model, loss, X, y, optimizer, **{"epochs": 2, "batch_size": 16, "progress": False, **options})


def weights(model: Any) -> list[float]:
    return [value.data for value in model.parameters()]


# What it learns.


def test_it_reads_97_percent_of_360_digits_that_it_has_not_seen() -> None:
    X, X_test, y, y_test = mg.data.split(*mg.data.digits(), fraction=360 / 1797, seed=0)
    assert len(X_test) == 360
    model = MLP(64, [32, 10], initialisation="he_uniform", seed=0)
    optimizer = Adam(model, lr=0.01)
    options = {"epochs": 20, "batch_size": 32, "schedule": CosineAnnealingLR(optimizer, 20)}
    history = trained(model, cross_entropy, (X, y), optimizer, validation=(X_test, y_test), **options)
    assert history.validation_accuracy[-1] >= 0.97
    found = mg.vmap(model)(X_test)
    assert accuracy(np.stack(found, axis=-1), y_test) == history.validation_accuracy[-1]


def test_losses_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="trains the same network")
    X, y = mg.data.spiral(40, classes=3)
    model = MLP(2, [6, 3], activation="tanh", seed=3)
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)).double()
    with torch.no_grad():
        for layer, ours in zip([theirs[0], theirs[2]], model.layers, strict=True):
            layer.weight[:] = torch.tensor([[w.data for w in neuron.w] for neuron in ours.neurons], dtype=torch.float64)
            layer.bias[:] = torch.tensor([neuron.b.data for neuron in ours.neurons], dtype=torch.float64)
    history = trained(model, cross_entropy, (X, y), Adam(model, lr=0.01), epochs=17, seed=5)  # of 3 steps each
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    expected = []
    for epoch in range(17):
        for x, t in mg.data.batches(X, y, 16, seed=5 + epoch):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(t)).backward()
            optimizer.step()
        expected.append(torch.nn.functional.cross_entropy(theirs(torch.tensor(X)), torch.tensor(y)).item())
    assert history.loss == pytest.approx(expected, rel=1e-12)


def test_it_is_the_loop_that_one_would_write() -> None:
    X, y = SIGNS
    model, by_hand = MLP(2, [4, 1], seed=1), MLP(2, [4, 1], seed=1)
    history = trained(model, epochs=3, optimizer=SGD(model, lr=0.1, momentum=0.9), seed=7)
    optimizer = SGD(by_hand, lr=0.1, momentum=0.9)
    loss = mg.vmap(lambda x, t: hinge(by_hand(x), t), reduce="mean")
    for epoch in range(3):
        for x, t in mg.data.batches(X, y, 16, seed=7 + epoch):
            loss.backward(x, t)
            optimizer.step()
            optimizer.zero_grad()
    assert weights(model) == weights(by_hand)
    assert history.loss[-1] == pytest.approx(loss(X, y), rel=1e-12)
    assert history.accuracy[-1] == accuracy([by_hand(x).data for x in X], y)


def test_the_same_seed_gives_the_same_bits_whatever_the_number_of_threads() -> None:
    data = mg.data.moons(700)
    found = []
    for threads, seed in ((1, 0), (2, 0), (1, 1)):
        model = MLP(2, [8, 1], seed=1)
        history = trained(model, binary_cross_entropy, data, batch_size=300, seed=seed, threads=threads, validation=0.2)
        found.append((history.loss, history.validation_loss, history.accuracy, weights(model)))
    assert found[0] == found[1] != found[2]


def test_a_share_for_the_validation_is_divided_as_split_does() -> None:
    model, other = MLP(2, [3, 1], seed=1), MLP(2, [3, 1], seed=1)
    X, X_test, y, y_test = mg.data.split(*SIGNS, 0.25, seed=4)
    by_share = trained(model, validation=0.25, seed=4)
    by_hand = trained(other, data=(X, y), validation=[X_test, y_test], seed=4)
    assert by_share.validation_loss == by_hand.validation_loss
    assert weights(model) == weights(other)


def test_parameters_that_are_not_the_optimizers_stay_as_they_are() -> None:
    model = MLP(2, [4, 1], seed=1)
    before = weights(model.layers[0])
    trained(model, optimizer=Adam(model.layers[1]))
    assert weights(model.layers[0]) == before
    assert {p.grad for p in model.parameters()} == {0.0}


def test_gradients_from_before_do_not_count_and_others_stay() -> None:
    plain, model, temperature = MLP(2, [4, 1], seed=1), MLP(2, [4, 1], seed=1), Value(2.0)
    temperature.grad = 3.0
    for p in model.parameters():
        p.grad = 5.0
    assert trained(plain).loss == trained(model, lambda score, t: hinge(score, t) * temperature / 2.0).loss
    assert {p.grad for p in model.parameters()} == {0.0}
    assert (temperature.data, temperature.grad) == (2.0, 3.0)


def test_a_schedule_moves_on_after_each_epoch() -> None:
    model = MLP(2, [3, 1], seed=1)
    optimizer = SGD(model, lr=0.4)
    assert trained(model, optimizer=optimizer, schedule=ExponentialLR(optimizer, 0.5)).learning_rate == [0.4, 0.2]
    w = Value(1.0)
    optimizer = SGD([w], lr=1.1)
    plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    history = trained(lambda x: w * x, mse, ([1.0], [0.0]), optimizer, schedule=plateau, epochs=3)
    assert history.learning_rate == [1.1, 1.1, 0.55]


def test_gradients_are_clipped() -> None:
    w = Value(0.0)
    trained(lambda x: w * x, mse, ([1.0, 1.0], [100.0, 100.0]), SGD([w], lr=1.0), epochs=1, clip_norm=0.5)
    assert w.data == pytest.approx(0.5)


# What it takes.


def line() -> tuple[Callable[[Any], Any], SGD]:
    w, b = Value(0.5), Value(0.0)
    return lambda x: w * x + b, SGD([w, b], lr=0.01)


def test_it_takes_lists_series_and_columns_alike() -> None:
    pandas = pytest.importorskip("pandas", reason="has Series and DataFrames")
    x, y = [0.0, 1.0, 2.0], [1, 3, 5]
    histories = []
    for data in ((x, y), (np.array(x, "float32"), y), (pandas.Series(x), pandas.Series(y, index=[5, 6, 7]))):
        model, optimizer = line()
        histories.append(trained(model, mse, data, optimizer))
    for data in (([[each] for each in x], [[each] for each in y]), (pandas.DataFrame({"x": x}), pandas.DataFrame(y))):
        model, optimizer = line()
        histories.append(trained(lambda row, model=model: model(row[0]), mse, data, optimizer))
    model, optimizer = line()
    histories.append(trained(lambda row, model=model: model(list(row).pop()), mse, (x, y), optimizer))
    assert {tuple(history.loss) for history in histories} == {tuple(histories[0].loss)}
    assert histories[0].accuracy == histories[0].validation_loss == histories[0].validation_accuracy == []


def test_targets_may_be_distributions_or_several_numbers_and_inputs_pictures() -> None:
    X, y = mg.data.spiral(30, classes=3)
    model, other = MLP(2, [4, 3], seed=1), MLP(2, [4, 3], seed=1)
    by_class, by_share = trained(model, cross_entropy, (X, y)), trained(other, cross_entropy, (X, np.eye(3)[y]))
    assert by_class.loss == pytest.approx(by_share.loss, rel=1e-12)
    assert by_class.accuracy == by_share.accuracy
    several = trained(MLP(2, [4, 2], seed=1), mse, (X, X[:, ::-1]), epochs=4)
    assert several.loss[-1] < several.loss[0]
    assert several.accuracy == []
    pictures = np.arange(24.0).reshape(6, 2, 2)
    model = MLP(4, [1], seed=0)
    trained(lambda x: model([*x[0], *x[1]]), mse, (pictures, pictures.sum(axis=(1, 2))), SGD(model, lr=1e-4))


def test_parameters_of_which_each_sample_needs_others() -> None:
    left, right = Value(0.0), Value(0.0)
    data = [1.0, 2.0, -1.0, -2.0], [1.0, 2.0, 3.0, 6.0]
    trained(lambda x: left * x if x < 0 else right * x, mse, data, SGD([left, right], lr=0.1), epochs=60)
    assert [left.data, right.data] == pytest.approx([-3.0, 1.0])


# How it ends.


def rising() -> tuple[Value, Callable[..., History]]:
    """A parameter that moves away from where the loss is least, and its training, whose best epoch is the first."""
    w = Value(1.0)

    def train(**options: Any) -> History:
        return trained(lambda x: w * x, mse, ([1.0], [0.0]), SGD([w], lr=1.1), **{"epochs": 9, **options})

    return w, train


def test_patience_ends_it_with_the_best_weights() -> None:
    w, train = rising()
    history = train(patience=3)
    assert (len(history.loss), history.best_epoch, history.stopped) == (4, 1, "patience")
    assert w.data == pytest.approx(-1.2)
    w, train = rising()
    history = train(patience=9)
    assert (len(history.loss), history.stopped) == (9, None)
    assert w.data == pytest.approx(-1.2)
    w, train = rising()
    assert len(train().loss) == 9
    assert w.data == pytest.approx(-(1.2**9))


def test_patience_waits_for_the_validation() -> None:
    w = Value(0.0)
    data = ([1.0], [3.0]), ([1.0], [1.0])
    history = trained(lambda x: w * x, mse, data[0], SGD([w], lr=0.1), validation=data[1], epochs=50, patience=2)
    assert history.loss == sorted(history.loss, reverse=True)
    assert history.best_epoch == history.validation_loss.index(min(history.validation_loss)) + 1 == len(history) - 2
    assert (w.data - 1.0) ** 2 == min(history.validation_loss)


def test_a_callback_sees_each_epoch_and_may_end_it() -> None:
    model, seen = MLP(2, [3, 1], seed=1), []

    def callback(state: Any) -> Any:
        assert (state.model, len(state.history)) == (model, state.epoch)
        seen.append((state.epoch, state.optimizer.lr))
        return np.True_ if state.epoch == 2 else "go on"

    history = trained(model, epochs=5, callback=callback)
    assert seen == [(0, 0.001), (1, 0.001), (2, 0.001)]
    assert (len(history), history.stopped) == (2, "callback")


def test_an_interruption_leaves_the_best_weights() -> None:
    def interrupt(state: Any) -> None:
        if state.epoch == at:
            raise KeyboardInterrupt

    for at, left in ((0, 1.0), (1, -1.2), (4, -1.2)):
        w, train = rising()
        history = train(callback=interrupt)
        assert (len(history), history.stopped, w.grad) == (at, "interrupted", 0.0)
        assert w.data == pytest.approx(left)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX signals")
@pytest.mark.usefixtures("without_collections")
def test_signals_at_any_moment_leave_the_best_weights() -> None:
    X, y = SIGNS
    outcomes: list[str | None] = []
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for moment in (0.003, 0.01, 0.03, 0.1, 0.2, 0.25):
            model = MLP(2, [2, 1], seed=1)
            before = weights(model)
            signal.setitimer(signal.ITIMER_REAL, moment)
            try:
                history = trained(model, optimizer=Adam(model, lr=0.3), epochs=1_000_000, batch_size=8)
            except KeyboardInterrupt:  # on a slow machine before the training has begun
                assert weights(model) == before
                outcomes.append("interrupted")
                continue
            outcomes.append(history.stopped)
            if history.best_epoch:
                left = np.mean([hinge(model(x).data, t) for x, t in zip(X, y, strict=True)])
                assert left == pytest.approx(min(history.loss), rel=1e-12)
            else:
                assert weights(model) == before
            assert {p.grad for p in model.parameters()} == {0.0}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert outcomes == ["interrupted"] * 6


class Interpreted:
    """What stands for a compiled function, since no instruction of that one is interrupted here."""

    def __init__(self, function: Callable[..., Any], reduce: str | None = None, threads: int | None = None) -> None:
        self._function = function

    def backward(self, x: Any, t: Any) -> Any:
        """Return the mean, and add its derivatives to the leaves."""
        loss = mg.mean([self._function(*pair) for pair in zip(x.tolist(), t.tolist(), strict=True)])
        loss.backward()
        return loss.data

    def __call__(self, x: Any, t: Any) -> tuple[Any, Any]:
        """Return the two results for all points."""
        found = [mg.detach(self._function(*pair)) for pair in zip(x.tolist(), t.tolist(), strict=True)]
        losses, predictions = zip(*found, strict=True)
        return np.array(losses), np.array(predictions)


def test_ctrl_c_before_any_instruction_leaves_the_best_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "vmap", Interpreted)
    outcomes = set[str | None]()
    for stop in range(0, 20_000, 13):
        w, remaining = Value(1.0), [stop]

        def trace(frame: Any, event: str, argument: Any, remaining: list[int] = remaining) -> Any:
            if frame.f_globals.get("__name__") not in ("microgrady.nn.epochs", "microgrady.nn.history"):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                remaining[0] -= 1
                if remaining[0] < 0:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        def train(w: Value = w, rate: float = (1.1, 0.6)[stop % 2]) -> None:
            try:
                history = trained(lambda x: w * x, mse, ([1.0] * 3, [0.0] * 3), SGD([w], lr=rate), batch_size=2)
            except KeyboardInterrupt:  # before the training, or after it
                outcomes.add("raised")
                return
            outcomes.add(history.stopped)
            if history.stopped:
                assert w.data**2 == pytest.approx(min(history.loss, default=1.0))
            assert w.grad == 0.0

        interrupted(train, trace)
        if remaining[0] >= 0:
            break
    assert outcomes == {"raised", "interrupted", None}


def test_a_loss_that_becomes_nan_is_explained() -> None:
    w = Value(1.0, "w")
    data = [1.0, 1.0, 1.0], [0.0, 1.0, 2.0]
    row = [int(t[0]) for _, t in mg.data.batches(*data, 1, seed=0)][1]
    with pytest.raises(FloatingPointError) as caught:
        trained(lambda x: w * x, lambda p, t: mg.log(p), data, SGD([w], lr=1.25), batch_size=1)
    assert str(caught.value) == (
        f"the loss in step 2 (epoch 1, batch 2) is nan: log(-0.25) is nan at row {row} of X; the model has the weights "
        "that it had before"
    )
    assert (w.data, w.grad) == (1.0, 0.0)


def test_a_loss_that_is_nan_after_an_epoch_is_explained() -> None:
    w = Value(1.0, "w")
    with pytest.raises(FloatingPointError) as caught:
        trained(lambda x: w * x, lambda p, t: mg.log(p), ([1.0], [0.0]), SGD([w], lr=0.5), epochs=3)
    assert str(caught.value) == (
        "the loss of all samples after step 2 (epoch 2, batch 1) is nan: log(-0.5) is nan at row 0 of X; the model has "
        "the weights of epoch 1, the best one"
    )
    assert w.data == 0.5
    with pytest.raises(
        FloatingPointError, match=r"all samples of the validation after step 1 .* row 1 of X of the val"
    ):
        trained(lambda x: w * x, lambda p, t: mg.log(p), ([1.0], [0.0]), SGD([w]), validation=([1.0, -1.0], [0, 0]))


def test_a_gradient_that_is_not_finite_is_explained() -> None:
    w = Value(0.0, "w")
    with pytest.raises(FloatingPointError) as caught:
        trained(lambda x: w * x, lambda p, t: mg.sqrt(p) + t, ([2.0], [1.0]), SGD([w]), epochs=2)
    assert str(caught.value) == (
        "the loss of all samples after step 1 (epoch 1, batch 1) is nan: in step 1 (epoch 1, batch 1) a gradient was "
        "not finite: the derivative of sqrt(0) by its operand is inf at row 0 of X; the model has the weights that "
        "it had before"
    )
    assert w.data == 0.0


def test_a_step_that_overflows_is_explained() -> None:
    w = Value(1e10, "w")
    with pytest.raises(FloatingPointError, match=r"step 2 \(epoch 1, batch 2\).*: w is -inf since step 1"):
        trained(lambda x: w * x, mse, ([1.0, 1.0], [0.0, 0.0]), SGD([w], lr=1e308), batch_size=1)
    assert w.data == 1e10


# The history.


def test_a_history_pickles_and_tells_the_best_epoch() -> None:
    history = trained(validation=0.5)
    copied = pickle.loads(pickle.dumps(history))
    assert repr(copied) == repr(history)
    assert copied.validation_accuracy == history.validation_accuracy != []
    assert all(seconds > 0 for seconds in copied.seconds)
    assert (History().best_epoch, repr(History())) == (0, "History(no epochs)")
    history = History()
    for loss in (0.25, 0.125, 0.125):
        history.add(Epoch(loss, None, loss / 2, None, 0.1, 1.0))
    history.stopped = "patience"
    assert (history.best_epoch, history.accuracy, history.validation_loss) == (2, [], [0.125, 0.0625, 0.0625])
    assert repr(history) == ("History(3 epochs, loss 0.125, validation loss 0.0625, best epoch 2, stopped='patience')")


@pytest.mark.usefixtures("without_windows")
def test_a_history_plots_itself() -> None:
    pytest.importorskip("matplotlib", reason="draws")
    loss, accuracies = trained(validation=0.5).plot()
    assert [len(line.get_xdata()) for line in (*loss.lines[:2], *accuracies.lines[:2])] == [2] * 4
    (loss,) = trained(MLP(2, [1], seed=0), mse).plot()
    assert len(loss.lines[0].get_xdata()) == 2


def test_a_bar_shows_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    tqdm = pytest.importorskip("tqdm", reason="draws the bar")
    bars = []

    class Bar(tqdm.tqdm):  # type: ignore[misc, name-defined]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    history = trained(progress=True, validation=0.25)
    (bar,) = bars
    assert (bar.n, bar.total, bar.disable) == (4, 4, True)
    assert bar.postfix.startswith(f"loss {history.loss[1]:.3g} {history.accuracy[1]:.1%}, validation ")


def test_without_tqdm_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert len(trained(progress=True)) == 2
    assert capsys.readouterr() == ("", "")


# What it refuses.


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (([[0.0, 1.0]], [1, -1]), "X has 1 sample and y 2 samples: they belong together"),
        ((np.zeros((0, 2)), []), "X has no samples"),
        (([[0.0, 1.0], [2.0]], [1, -1]), "the rows of X differ in length"),
        (([[0.0, 1.0], [2.0, math.nan]], [1, -1]), "X has nan in row 1, column 1: "),
        (([[0.0, math.inf]], [1]), "X has inf in row 0, column 1: "),
        (([[0.0, 1.0]] * 3, [1, -1, math.nan]), "y has nan in row 2: "),
        (([[0.0, 1.0]] * 3, [1, -1, 2]), r"y\[2\] must be -1 or 1 for hinge"),
        (([[0.0, 1.0]], ["cat"]), "y must be made of real numbers, not of <U3; number the classes 0, 1, 2"),
        (([[0.0, 1.0]], [None]), "y must be made of real numbers, and has None in row 0"),
        (([[0.0, 1j]], [1]), "X must be made of real numbers, not of complex128"),
        ((3.0, [1]), "X must be an array, a list or a DataFrame with one sample a row, not float"),
        (([[0.0, 1.0, 2.0]], [1]), r"takes 2 input\(s\), but 3 are given"),
        ((np.zeros((2, 0)), [1, 1]), "X has samples without numbers in them"),
    ],
)
def test_samples_that_cannot_be_learnt_from(data: Any, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        trained(data=data)


def test_a_column_is_called_by_its_name() -> None:
    pandas = pytest.importorskip("pandas", reason="has DataFrames")
    frame = pandas.DataFrame({"age": [1.0, 2.0], "size": [3.0, None]})
    with pytest.raises(ValueError, match="X has nan in row 1, column 'size': leave such samples out, or fill it"):
        trained(data=(frame, [1, -1]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"batch_size": 2.5}, r"batch_size must be an int, not float \(2.5\)"),
        ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*32 - 1, or None .* not -1"),
        ({"patience": "3"}, r"patience must be an int or None, not str \('3'\)"),
        ({"clip_norm": 0}, "clip_norm must be above 0, not 0.0"),
        ({"progress": 1}, "progress must be True or False"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"callback": 3}, "callback must be a function"),
        ({"schedule": 3}, "schedule must be a schedule"),
        ({"loss": 3}, "the loss must be a function, not int"),
        ({"model": 3}, "the model must be a function, not int"),
        ({"model": lambda x: x[0]}, r"a model without parameters\(\)"),
        ({"optimizer": 3}, "the optimizer must be one of mg.optim, or have step as these do"),
        ({"optimizer": Adam}, r"the optimizer is a class, of which one is to be made: Adam\(model\)"),
        ({"optimizer": Adam()}, "the optimizer has no parameters"),
        ({"optimizer": Adam([Value(1.0, "stray")])}, "1 of 1 parameters that are not the model's, such as stray"),
        ({"validation": 1.5}, "validation must be a share between 0 and 1, or a pair of X and y, not 1.5"),
        ({"validation": 0.99}, "validation=0.99 leaves none of 40 sample"),
        ({"validation": 3 * [SIGNS[0]]}, "validation must be a pair of X and y"),
        ({"validation": (SIGNS[0], SIGNS[1][:3])}, "X of the validation has 40 samples and y of the validation 3 "),
        ({"validation": ([1.0], [1])}, r"X of the validation has the shape \(1,\), which does not go with \(40, 2\)"),
        ({"validation": MOONS}, r"must be -1 or 1 for hinge.*\(this is y of the validation\)"),
        ({"loss": lambda score, t: [score, t]}, r"the loss must be one number, .* not list"),
        ({"loss": lambda score, t: t}, r"the loss does not depend on layers.0.neurons.0.w.0, .* and 14 more: leave"),
        ({"loss": lambda score, t: score.label}, r"the loss must be one number, .* not str"),
    ],
)
def test_what_does_not_say_how_to_train(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        trained(**options)


def test_parameters_that_no_sample_needs_are_named() -> None:
    w, unused = Value(1.0), Value(2.0, "unused")
    with pytest.raises(ValueError, match="the loss does not depend on unused: leave what is not used out"):
        trained(lambda x: w * x, mse, ([1.0, 2.0], [1.0, 2.0]), SGD([w, unused]))


def test_labels_that_are_no_classes() -> None:
    with pytest.raises(ValueError, match=r"y\[2\] must be a class, a whole number from 0 to 1 for 2 outputs"):
        trained(MLP(2, [2], seed=0), cross_entropy, ([[0.0, 1.0]] * 3, [0, 1, 2]))


def test_a_schedule_of_another_optimizer() -> None:
    model = MLP(2, [1], seed=0)
    stray = ExponentialLR(SGD(model), 0.5)
    with pytest.raises(ValueError, match="the schedule is for another optimizer"):
        trained(model, optimizer=SGD(model), schedule=stray)
    with pytest.raises(ValueError, match="a schedule needs the optimizer that it is for"):
        trained(model, schedule=stray)


def test_weights_that_are_nan_to_begin_with() -> None:
    model = MLP(2, [1], seed=0)
    model.layers[0].neurons[0].b.data = math.nan
    with pytest.raises(ValueError, match=r"layers.0.neurons.0.b of the model is nan before the training"):
        trained(model)


def test_a_masked_array_is_refused_and_a_number_beyond_floats_is_found() -> None:
    with pytest.raises(TypeError, match="X is a masked array"):
        fit(MLP(1, [1], seed=0), mse, np.ma.masked_invalid([[1.0], [np.nan]]), [0.0, 1.0], progress=False)
    with pytest.raises(OverflowError, match="X has in row 1, column 0"):
        fit(MLP(1, [1], seed=0), mse, [[1], [10**400]], [0.0, 1.0], progress=False)


def test_a_parameter_that_a_callback_made_nan_is_named() -> None:
    model = MLP(1, [1], seed=0)

    def spoil(state: Any) -> None:
        if state.epoch == 1:
            model.parameters()[0].data = math.nan

    with pytest.raises(FloatingPointError, match=r"neurons\.0\.w\.0 is nan since before epoch 2"):
        fit(model, mse, [[1.0], [2.0]], [0.0, 1.0], epochs=3, callback=spoil, progress=False)


def test_the_best_epoch_is_the_first_of_the_lowest_whenever_it_is_asked_for() -> None:
    history = History()
    losses = [3.0, 2.0, 2.5, 2.0, 1.0, 4.0, 1.0]
    for count, loss in enumerate(losses, 1):
        history.add(Epoch(loss, None, None, None, 0.1, 0.0))
        if count != 3:
            assert history.best_epoch == losses[:count].index(min(losses[:count])) + 1
    assert pickle.loads(pickle.dumps(history)).best_epoch == 5
