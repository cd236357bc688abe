cimport cython
from microgrady.value cimport Primitive, Value, id, stays_zero

@cython.locals(order=list, active=set, adjoints=dict, node=Value)
cpdef list differentiate(Value output, list inputs, long long since=*)
@cython.locals(active=set, node=Value)
cdef set _active(list order, list inputs)
@cython.locals(op=Primitive)
cdef _add_share(dict adjoints, Value node, adjoint, Value operand, int position)
@cython.locals(sure_adjoint=double, sure_partial=double, finite=bint)
cpdef share(Primitive op, adjoint, partial)
cpdef through_origin(Value node, adjoint, Value operand, share)
cdef bint _same(a, b, list left) except -1
@cython.locals(left=Value, right=Value, op=Primitive, a=double, b=double, y=double, numbers=tuple)
cpdef bint still_follows(Value node) except -1
cdef bint _is_same_number(double a, double b)
