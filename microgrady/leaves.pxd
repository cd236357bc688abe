cimport cython
from microgrady.value cimport Value

@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef read_numbers(list leaves, double[::1] into)
@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef write_numbers(list leaves, const double[::1] numbers)
@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef add_numbers(list leaves, const double[::1] numbers)
@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef read_gradients(list leaves, double[::1] into)
@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef write_gradients(list leaves, const double[::1] numbers)
@cython.locals(leaf=Value, k=Py_ssize_t, count=Py_ssize_t)
cpdef add_gradients(list leaves, const double[::1] numbers)
@cython.locals(leaf=Value)
cpdef clear_gradients(list leaves)
cdef Py_ssize_t _require_room(list leaves, const double[::1] buffer) except -1
