cimport cython
from microgrady.differentiation cimport share, through_origin
from microgrady.value cimport Primitive, Value, id

cdef class Elimination:
    cdef bint _record
    cdef bint _symmetric
    cdef dict _column
    cdef dict _uses
    cdef set _piecewise
    cdef dict _masks

    @cython.locals(node=Value)
    cdef set _active(self, list order)
    @cython.locals(node=Value, vertex=cython.longlong, adjoints=dict, kept=list)
    cdef list _sweep(self, list order)
    @cython.locals(op=Primitive)
    cdef _join(self, Value node, int position, Value operand, dict adjoints)
    @cython.locals(uses=dict)
    cdef _add(self, vertex, long long use, partial)
    @cython.locals(uses=dict, turn=dict, operands=dict, waiting=list, before=dict, after=dict)
    cdef _rest(self, list kept)
    @cython.locals(uses=dict)
    cdef _eliminate(self, vertex, dict before, dict after)
    @cython.locals(vanishing=bint)
    cdef _product(self, vertex, adjoint, partial)

@cython.locals(op=Primitive)
cdef bint _vanishes(Value node, int position) except -1
cdef _is_not_zero(number)
