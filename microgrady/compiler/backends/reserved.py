"""The names that a file in C cannot give to a function of its own."""

from __future__ import annotations

import ctypes
import re

# C99, then C11, C23 and what compilers add.
_KEYWORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
alignas alignof asm bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual
"""

# <math.h>: each of these with f and l behind its name as well.
_MATHEMATICS = """
acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma fmax
fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint
nextafter nexttoward pow remainder remquo rint round scalbln scalbn sin sinh sqrt tan tanh tgamma trunc
"""
_MATHEMATICS_ELSE = """
double_t float_t fpclassify isfinite isgreater isgreaterequal isinf isless islessequal islessgreater isnan isnormal
isunordered math_errhandling signbit signgam
"""
_MACROS = "NAN|NULL|EOF|INFINITY|I|HUGE|DOMAIN|SING|OVERFLOW|UNDERFLOW|PLOSS|TLOSS|MAXFLOAT|(HUGE_VAL|FP_|MATH_|M_).*"

_COMPLEX = "abs acos acosh arg asin asinh atan atanh cos cosh exp imag log onj pow proj real sin sinh sqrt tan tanh"

# The other headers of C99: compilers know what these take, whether a header is included or not.
_LIBRARY = """
abort abs asctime atexit atof atoi atol atoll bsearch btowc calloc clearerr clock ctime difftime div errno exit fclose
feclearexcept fegetenv fegetexceptflag fegetround feholdexcept feof feraiseexcept ferror fesetenv fesetexceptflag
fesetround fetestexcept feupdateenv fflush fgetc fgetpos fgets fgetwc fgetws fopen fprintf fputc fputs fputwc fputws
fread free freopen fscanf fseek fsetpos ftell fwide fwprintf fwrite fwscanf getc getchar getenv gets getwc getwchar
gmtime imaxabs imaxdiv isalnum isalpha isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper iswalnum
iswalpha iswblank iswcntrl iswctype iswdigit iswgraph iswlower iswprint iswpunct iswspace iswupper iswxdigit isxdigit
labs ldiv llabs lldiv localeconv localtime longjmp main malloc mblen mbrlen mbrtowc mbsinit mbsrtowcs mbstowcs mbtowc
memchr memcmp memcpy memmove memset mktime perror printf putc putchar puts putwc putwchar qsort raise rand realloc
remove rename rewind scanf setbuf setjmp setlocale setvbuf signal snprintf sprintf srand sscanf strcat strchr strcmp
strcoll strcpy strcspn strerror strftime strlen strncat strncmp strncpy strpbrk strrchr strspn strstr strtod strtof
strtoimax strtok strtol strtold strtoll strtoul strtoull strtoumax strxfrm swprintf swscanf system time tmpfile tmpnam
tolower toupper towctrans towlower towupper ungetc ungetwc vfprintf vfscanf vfwprintf vfwscanf vprintf vscanf vsnprintf
vsprintf vsscanf vswprintf vswscanf vwprintf vwscanf wcrtomb wcscat wcschr wcscmp wcscoll wcscpy wcscspn wcsftime wcslen
wcsncat wcsncmp wcsncpy wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstod wcstof wcstoimax wcstok wcstol wcstold wcstoll
wcstombs wcstoul wcstoull wcstoumax wcsxfrm wctob wctomb wctrans wctype wmemchr wmemcmp wmemcpy wmemmove wmemset wprintf
wscanf
"""

MATHEMATICS = frozenset(_MATHEMATICS.split())
_RESERVED = frozenset(
    [
        *f"{_KEYWORDS} {_MATHEMATICS_ELSE} {_LIBRARY}".split(),
        *(name + suffix for name in MATHEMATICS for suffix in ("", "f", "l")),
        *(f"c{name}{suffix}" for name in _COMPLEX.split() for suffix in ("", "f", "l")),
    ]
)


def is_reserved(name: str) -> bool:
    """Return whether an identifier is C's own: a keyword, a name of its library, or of a kind that is kept for it.

    The C library of this computer is asked too: a function in its place would break what calls it.

    Example:
        >>> [name for name in ("exp", "int", "main", "_loss", "NAN", "loss", "exponential") if is_reserved(name)]
        ['exp', 'int', 'main', '_loss', 'NAN']
    """
    if name in _RESERVED or name.startswith(("_", "library_", "omp_")) or re.fullmatch(_MACROS, name):
        return True
    try:
        return hasattr(ctypes.CDLL(None), name)
    except (OSError, TypeError):  # where libraries cannot be asked for their names all at once
        return False
