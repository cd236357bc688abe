"""Programs full of loops: compiled in any way, they give the bits of the interpreter, and the same guards fail."""

from __future__ import annotations

import random
import shutil

import pytest

pytest.importorskip("llvmlite", reason="jit needs llvmlite")

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.loops import LoopSource, points_of, require_same

sources = st.randoms(use_true_random=False)


@pytest.mark.slow
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_compiled_loops_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    @settings(max_examples=15, deadline=None)
    @given(sources)
    def law(chance: random.Random) -> None:
        source = LoopSource(chance)
        require_same(source, points_of(chance, source.count), with_gradient, in_c=False)

    law()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("with_gradient", [False, True], ids=["value", "gradient"])
def test_loops_in_c_give_the_same_bits_and_the_same_guards(with_gradient: bool) -> None:
    @settings(max_examples=4, deadline=None)
    @given(sources)
    def law(chance: random.Random) -> None:
        source = LoopSource(chance)
        require_same(source, points_of(chance, source.count), with_gradient, in_c=True)

    law()
