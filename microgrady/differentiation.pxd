cimport cython
from libc cimport math as libm
from microgrady.value cimport Primitive, Value, stays_zero

# Addresses are multiples of 16, which would crowd in sets and dicts.
cdef inline long long id(object thing):
    return (<long long> <void *> thing) >> 4

cdef double _NAN
cdef list recorders
cdef Primitive mul, hypot, masked_product

@cython.locals(order=list, active=set, adjoints=dict, masks=dict, node=Value)
cpdef list differentiate(Value output, list inputs, long long since=*)
@cython.locals(node=Value, left=Value, right=Value)
cpdef bint refers_back(list outputs, long long since) except -1
@cython.locals(active=set, node=Value)
cdef set _active(list order, list inputs)
@cython.locals(op=Primitive)
cdef _add_share(dict adjoints, Value node, adjoint, Value operand, int position, bint has_masks)
@cython.locals(sure_adjoint=double, sure_partial=double, is_alike=bint, is_zero=bint, finite=bint)
cpdef share(Primitive op, adjoint, partial)
cpdef through_origin(Value node, adjoint, Value operand, share)
cdef bint _same(a, b, list left) except -1
@cython.locals(left=Value, right=Value, op=Primitive, a=double, b=double, y=double, numbers=tuple)
cpdef bint still_follows(Value node) except -1
cdef bint _is_same_number(double a, double b)
