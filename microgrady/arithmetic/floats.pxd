from libc cimport math as libm

cdef extern from *:
    """
    /* What the module was made of, which freshness.py looks for; setup.py says it. */
    #if defined(__GNUC__)
    __attribute__((used))
    #endif
    const char microgrady_source[] = MICROGRADY_SOURCE;
    """

cpdef double exp(double x)
cpdef double log(double x)
cpdef double sqrt(double x)
cpdef double sin(double x)
cpdef double cos(double x)
cpdef double tanh(double x)
cpdef double pow(double a, double b)
cpdef double div(double a, double b)
cpdef double power_of_two(double a, double b)
cpdef double hypot(double a, double b)
cpdef double unit(double a, double b)
cpdef double over_square(double a, double b)
cpdef bint in_normal_range(double x)
cpdef double div_square(double a, double b)
cpdef double power_log(double a, double b)
cpdef double power_slope(double a, double b)
cdef bint _is_complex(double a, double b)
cpdef double lost(double b, double whole)
cpdef double scaled_power(double factor, double a, double b, double whole)
cpdef double power_curve(double a, double b)
cpdef double power_mixed(double a, double b)
cpdef double over_positive(double a, double b)
cpdef double greater(double a, double b)
cpdef double sech(double x)
cpdef double exp_of_square(double x, double sign)
cpdef double exp_minus_square(double x)
cpdef double sigmoid(double x)
cpdef double exp_share(double a, double b)
cpdef double slope_of_exp(double y, double x)
cpdef double slope_of_log(double y, double x)
cpdef double slope_of_sqrt(double y, double x)
cpdef double slope_of_sin(double y, double x)
cpdef double slope_of_cos(double y, double x)
cpdef double slope_of_tanh(double y, double x)
cpdef double slope_of_sigmoid(double y, double x)
cpdef double relu(double x)
cpdef double slope_of_relu(double y, double x)
