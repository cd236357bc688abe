cimport cython
from microgrady.value cimport Primitive

cdef class _Case:
    cdef tuple operands
    cdef object result
    cdef object constant

    @cython.locals(found=dict, position=cython.Py_ssize_t)
    cdef dict match(self, program, tuple operands)

cdef class Table:
    cdef dict _cases
    cdef dict _plain

    @cython.locals(plain=_Case, case=_Case, found=dict, cases=dict, ops=list, likely=list, first=cython.longlong, place=cython.longlong, position=cython.Py_ssize_t)
    cpdef find(self, program, Primitive op, tuple operands)

cdef _key(double number)
@cython.locals(index=cython.longlong, position=cython.Py_ssize_t, operands=tuple)
cdef bint _fits(term, place, program, dict found) except -1
