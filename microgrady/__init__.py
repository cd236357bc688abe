"""Scalar reverse-mode automatic differentiation: build an expression, differentiate it, check it, draw it.

A module is imported when one of its names is first asked for, so that a program loads what it uses.
"""

from microgrady import later

# Every public name, by the module where it is at home.
_HOMES = {
    "math": "comb e factorial gcd inf isqrt lcm nan nextafter perm pi tau ulp",
    "microgrady.value": "Primitive Value engine_kind",
    "microgrady.functions": (
        "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees digamma erf erfc erfcx exp exp2 "
        "expm1 fabs floor fmod gamma greater hypot lgamma log log1p log2 log10 log_erfc log_sigmoid logaddexp maximum "
        "minimum polygamma pow radians relu remainder round sigmoid sign sin sinc sinh softplus sqrt tan "
        "tanh trunc xlog1py xlogy"
    ),
    "microgrady.primitives": "primitive",
    "microgrady.sequences": (
        "clip dist dot fma frexp fsum isclose isfinite isinf isnan ldexp log_softmax logsumexp mean modf norm prod "
        "softmax std sum sumprod var where"
    ),
    "microgrady.arrays": "array",
    "microgrady.trees": "detach",
    "microgrady.scopes": "scope",
    "microgrady.transforms": "grad gradients hessian hvp jacobian jvp value_and_grad vjp",
    "microgrady.anomaly": "find_anomaly",
    "microgrady.formulas.explaining": "explain",
    "microgrady.formulas.expressions": "formula latex",
    "microgrady.checking": "check_gradient numeric_derivative",
    "microgrady": "data nn optim testing trees",
    "microgrady.compiler.compiled": "Jitted",
    "microgrady.compiler.jit": "jit",
    "microgrady.compiler.vmap": "vmap",
    "microgrady.compiler.vmapped": "Vmapped",
    "microgrady.drawing": (
        "animate animate_training animate_zoom draw plot plot_decision plot_errors plot_gradients plot_history "
        "plot_map plot_surface plot_weights"
    ),
}
_HIDING = {"pow", "round", "sum"}  # built-in functions: a star import leaves them alone

__all__ = sorted({name for names in _HOMES.values() for name in names.split()} - _HIDING)
__version__: str

TYPE_CHECKING = False  # to import the typing module takes longer than all of this
if TYPE_CHECKING:  # the same names once more
    from math import comb as comb
    from math import e as e
    from math import factorial as factorial
    from math import gcd as gcd
    from math import inf as inf
    from math import isqrt as isqrt
    from math import lcm as lcm
    from math import nan as nan
    from math import nextafter as nextafter
    from math import perm as perm
    from math import pi as pi
    from math import tau as tau
    from math import ulp as ulp

    from microgrady import data as data
    from microgrady import nn as nn
    from microgrady import optim as optim
    from microgrady import testing as testing
    from microgrady import trees as trees
    from microgrady.anomaly import find_anomaly as find_anomaly
    from microgrady.arrays import array as array
    from microgrady.checking import check_gradient as check_gradient
    from microgrady.checking import numeric_derivative as numeric_derivative
    from microgrady.compiler.compiled import Jitted as Jitted
    from microgrady.compiler.jit import jit as jit
    from microgrady.compiler.vmap import vmap as vmap
    from microgrady.compiler.vmapped import Vmapped as Vmapped
    from microgrady.drawing import animate as animate
    from microgrady.drawing import animate_training as animate_training
    from microgrady.drawing import animate_zoom as animate_zoom
    from microgrady.drawing import draw as draw
    from microgrady.drawing import plot as plot
    from microgrady.drawing import plot_decision as plot_decision
    from microgrady.drawing import plot_errors as plot_errors
    from microgrady.drawing import plot_gradients as plot_gradients
    from microgrady.drawing import plot_history as plot_history
    from microgrady.drawing import plot_map as plot_map
    from microgrady.drawing import plot_surface as plot_surface
    from microgrady.drawing import plot_weights as plot_weights
    from microgrady.formulas.explaining import explain as explain
    from microgrady.formulas.expressions import formula as formula
    from microgrady.formulas.expressions import latex as latex
    from microgrady.functions import acos as acos
    from microgrady.functions import acosh as acosh
    from microgrady.functions import asin as asin
    from microgrady.functions import asinh as asinh
    from microgrady.functions import atan as atan
    from microgrady.functions import atan2 as atan2
    from microgrady.functions import atanh as atanh
    from microgrady.functions import cbrt as cbrt
    from microgrady.functions import ceil as ceil
    from microgrady.functions import copysign as copysign
    from microgrady.functions import cos as cos
    from microgrady.functions import cosh as cosh
    from microgrady.functions import degrees as degrees
    from microgrady.functions import digamma as digamma
    from microgrady.functions import erf as erf
    from microgrady.functions import erfc as erfc
    from microgrady.functions import erfcx as erfcx
    from microgrady.functions import exp as exp
    from microgrady.functions import exp2 as exp2
    from microgrady.functions import expm1 as expm1
    from microgrady.functions import fabs as fabs
    from microgrady.functions import floor as floor
    from microgrady.functions import fmod as fmod
    from microgrady.functions import gamma as gamma
    from microgrady.functions import greater as greater
    from microgrady.functions import hypot as hypot
    from microgrady.functions import lgamma as lgamma
    from microgrady.functions import log as log
    from microgrady.functions import log1p as log1p
    from microgrady.functions import log2 as log2
    from microgrady.functions import log10 as log10
    from microgrady.functions import log_erfc as log_erfc
    from microgrady.functions import log_sigmoid as log_sigmoid
    from microgrady.functions import logaddexp as logaddexp
    from microgrady.functions import maximum as maximum
    from microgrady.functions import minimum as minimum
    from microgrady.functions import polygamma as polygamma
    from microgrady.functions import pow as pow
    from microgrady.functions import radians as radians
    from microgrady.functions import relu as relu
    from microgrady.functions import remainder as remainder
    from microgrady.functions import round as round
    from microgrady.functions import sigmoid as sigmoid
    from microgrady.functions import sign as sign
    from microgrady.functions import sin as sin
    from microgrady.functions import sinc as sinc
    from microgrady.functions import sinh as sinh
    from microgrady.functions import softplus as softplus
    from microgrady.functions import sqrt as sqrt
    from microgrady.functions import tan as tan
    from microgrady.functions import tanh as tanh
    from microgrady.functions import trunc as trunc
    from microgrady.functions import xlog1py as xlog1py
    from microgrady.functions import xlogy as xlogy
    from microgrady.primitives import primitive as primitive
    from microgrady.scopes import scope as scope
    from microgrady.sequences import clip as clip
    from microgrady.sequences import dist as dist
    from microgrady.sequences import dot as dot
    from microgrady.sequences import fma as fma
    from microgrady.sequences import frexp as frexp
    from microgrady.sequences import fsum as fsum
    from microgrady.sequences import isclose as isclose
    from microgrady.sequences import isfinite as isfinite
    from microgrady.sequences import isinf as isinf
    from microgrady.sequences import isnan as isnan
    from microgrady.sequences import ldexp as ldexp
    from microgrady.sequences import log_softmax as log_softmax
    from microgrady.sequences import logsumexp as logsumexp
    from microgrady.sequences import mean as mean
    from microgrady.sequences import modf as modf
    from microgrady.sequences import norm as norm
    from microgrady.sequences import prod as prod
    from microgrady.sequences import softmax as softmax
    from microgrady.sequences import std as std
    from microgrady.sequences import sum as sum
    from microgrady.sequences import sumprod as sumprod
    from microgrady.sequences import var as var
    from microgrady.sequences import where as where
    from microgrady.transforms import grad as grad
    from microgrady.transforms import gradients as gradients
    from microgrady.transforms import hessian as hessian
    from microgrady.transforms import hvp as hvp
    from microgrady.transforms import jacobian as jacobian
    from microgrady.transforms import jvp as jvp
    from microgrady.transforms import value_and_grad as value_and_grad
    from microgrady.transforms import vjp as vjp
    from microgrady.trees import detach as detach
    from microgrady.value import Primitive as Primitive
    from microgrady.value import Value as Value
    from microgrady.value import engine_kind as engine_kind
else:
    __getattr__, __dir__ = later.offer(
        "microgrady",
        {**_HOMES, "microgrady.version": "__version__"},
        apart=("math", "microgrady.version"),
    )
    later.answer(
        arrays="microgrady.arrays.subclass",
        batches="microgrady.compiler.vmap",
        formulas="microgrady.formulas.expressions",
        frames="microgrady.frames",
        matrices="microgrady.matrices",
        pickling="microgrady.pickling.graphs",
        primitives="microgrady.primitives",
        suggestions="microgrady.suggestions",
        table="microgrady.functions",
        tracebacks="microgrady.tracebacks",
        value="microgrady.value",
    )
    # Before any name is asked for, so that no outdated engine is imported.
    from microgrady import freshness  # noqa: F401

    if later.is_running("IPython"):
        later.ask("tracebacks").hide_ours_in_ipython()
