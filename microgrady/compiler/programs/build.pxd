cimport cython
from microgrady.compiler.programs.rows cimport Table
from microgrady.value cimport Primitive, Value, fresh_marks, id

cdef long long _HALF
cdef Table TABLE

cdef class Builder:
    cdef readonly object program
    cdef readonly long long coincidences
    cdef bint _is_regular
    cdef object _inputs
    cdef list _ops
    cdef list _lefts
    cdef list _rights
    cdef dict _leaves
    cdef long long _zero
    cdef dict _constants
    cdef dict _shared
    cdef set _guards

    cpdef constant(self, double number)
    @cython.locals(recorded=cython.longlong, waiting=list[Value], node=Value, left=Value, right=Value)
    cpdef place(self, thing)
    cdef bint _is_there(self, Value node)
    cdef _place_of(self, Value node)
    @cython.locals(op=Primitive)
    cdef _add(self, Value node)
    @cython.locals(left=cython.longlong, right=cython.longlong, shared=dict, has_constant=cython.bint)
    cpdef result(self, Primitive op, tuple operands)
    cpdef built(self, term, dict found)
    @cython.locals(first=cython.longlong, place=cython.longlong, left=cython.longlong, right=cython.longlong, index=cython.Py_ssize_t, alive=bytearray)
    cpdef finish(self, list outputs)
    @cython.locals(ops=list, lefts=list, rights=list, moved=list, first=cython.longlong, kept=cython.longlong, left=cython.longlong, right=cython.longlong, index=cython.Py_ssize_t)
    cdef _keep(self, bytearray alive)

cdef _key(double number)
@cython.locals(node=Value, found=dict)
cpdef list leaves_from_outside(list roots, long long since, str name)
cdef _note_if_from_outside(Value value, long long since, str name, dict found)
