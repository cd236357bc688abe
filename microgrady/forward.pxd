cimport cython
from microgrady.value cimport Primitive, Value, id, stays_zero

@cython.locals(node=Value, tangent=double)
cdef _run(list order, dict tangents)
cdef double _tangent(Value node, dict tangents) except? -1.0
@cython.locals(added=double)
cdef double _added(Value node, double along, double partial)
cdef bint _stays_zero(double along, double partial, Primitive op)
