cimport cython

cdef extern from *:
    """
    /* What the module was made of, which freshness.py looks for; setup.py says it, and which module it is. */
    #if defined(__GNUC__)
    __attribute__((used))
    #endif
    const char microgrady_source[] = MICROGRADY_SOURCE;

    /* Tracebacks name the source beside the compiled module, wherever both have been installed. */
    static PyCodeObject *code_in_source(const char *filename, const char *function, int line) {
        char path[4096];
        PyObject *name = PyUnicode_FromString(MICROGRADY_MODULE);
        PyObject *module = name ? PyImport_GetModule(name) : NULL;
        PyObject *file = module ? PyModule_GetFilenameObject(module) : NULL;
        const char *text = file ? PyUnicode_AsUTF8(file) : NULL;
        if (text != NULL) {
            const char *slash = strrchr(text, '/'), *backslash = strrchr(text, '\\\\');
            const char *last = slash > backslash ? slash : backslash;
            if (last != NULL && (size_t)(last - text) < sizeof(path) - 64) {
                memcpy(path, text, (size_t)(last - text) + 1);
                snprintf(path + (last - text) + 1, 64, "%s.py", strrchr(MICROGRADY_MODULE, '.') + 1);
                filename = path;
            }
        }
        PyErr_Clear();
        Py_XDECREF(name);
        Py_XDECREF(module);
        PyCodeObject *code = PyCode_NewEmpty(filename, function, line);
        Py_XDECREF(file);
        return code;
    }
    #define PyCode_NewEmpty(filename, function, line) code_in_source(filename, function, line)

    /* An error that is set outlasts the freeing of a Value. Mostly there is none, which is sooner asked than set. */
    #if PY_VERSION_HEX < 0x030C0000
    #undef __Pyx_PyErr_FetchException
    #undef __Pyx_PyErr_RestoreException
    #define __Pyx_PyErr_FetchException(type, value, traceback) \\
        do { \\
            *(type) = *(value) = *(traceback) = NULL; \\
            if (PyErr_Occurred()) PyErr_Fetch(type, value, traceback); \\
        } while (0)
    #define __Pyx_PyErr_RestoreException(type, value, traceback) \\
        do { \\
            if (type || PyErr_Occurred()) PyErr_Restore(type, value, traceback); \\
        } while (0)
    #endif

    /* None is there for ever, and not counted since Python 3.12. Before, to count it down took a tenth of building and
       differentiating a graph, which waited for that one place in memory. */
    #if PY_VERSION_HEX < 0x030C0000 && SIZEOF_VOID_P > 4 && !defined(Py_REF_DEBUG)
    static inline void release(PyObject *thing) {
        if (thing != Py_None) Py_DECREF(thing);
    }
    #undef Py_DECREF
    #define Py_DECREF(thing) release((PyObject *)(thing))
    #endif
    """

cdef inline long long id(object thing):
    return <long long> <void *> thing

cdef long long _newest
cdef int _KEPT
cdef bint _freeing
cdef list _to_free
cdef list open_scopes
cdef list recorders
cdef Primitive NEG, ADD, SUB, MUL, DIV, FLOORDIV, MOD, POW, ABS

@cython.locals(mark=cython.longlong)
cpdef long long fresh_marks(long long count=*)

@cython.final
cdef class Primitive:
    cdef public str name
    cdef public str symbol
    cdef public object evaluate
    cdef public object slope
    cdef public tuple rules
    cdef public object lower
    cdef public object variadic
    cdef public bint singular
    cdef public bint piecewise

@cython.final
cdef class Value:
    cdef public double _number
    cdef public double _grad
    cdef public object _label
    cdef public Primitive _primitive
    cdef public Value _left
    cdef public Value _right
    cdef public double _left_partial
    cdef public double _right_partial
    cdef public long long _mark

cpdef bint stays_zero(double adjoint, double partial, Primitive op)
@cython.locals(node=Value)
cpdef Value make_node(double y, Primitive op, Value left, Value right, double left_partial, double right_partial)
cpdef apply_unary(Primitive op, operand)
cpdef apply_binary(Primitive op, left, right)
cdef object _compared(str symbol, left, right, bint outcome)
cdef _known(operand)
cdef _comparable(other, str symbol)
cdef _equality(str symbol, Value value, other)
cdef double _as_float(other, str symbol) except? -1.0
cdef bint _foreign(other)
cdef _apply_operator(Primitive op, left, right)
@cython.locals(output=Value, node=Value, following=Value, operand=Value, is_last=cython.bint, uses=cython.longlong, mark=cython.longlong, once=cython.longlong, limit=cython.longlong)
cdef long long _count_uses(list[Value] outputs, long long since, bint reset, long long count=*)
@cython.locals(root=Value, node=Value, following=Value, operand=Value, is_last=cython.bint, stand_in=Value, made=Value, adjoint=double, partial=double, share=double, uses=cython.longlong, mark=cython.longlong, once=cython.longlong)
cpdef list[Value] reverse_pass(Value output, double seed)
