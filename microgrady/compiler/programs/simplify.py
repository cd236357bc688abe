"""What gives the same bits with fewer operations, as a table.

What IEEE 754 forbids is not here: x + 0 is another number for x = -0, x - x is nan for an infinite x.
"""

from __future__ import annotations

from microgrady.compiler.programs.rows import Row, Table
from microgrady.functions import argument, dropped, instead, kept, masked_product, neg, selected

ROWS = (
    Row(lambda x: x + -0.0, lambda x: x, "no number is changed by it: 0.0 + -0.0 is 0.0, -0.0 + -0.0 is -0.0"),
    Row(lambda x: x - 0.0, lambda x: x, "x - 0.0 is x + -0.0"),
    Row(lambda x: x * 1.0, lambda x: x, "the exact product is a float, so nothing is rounded"),
    Row(lambda x: x / 1.0, lambda x: x, "the exact quotient is a float, so nothing is rounded"),
    Row(lambda x: neg(-x), lambda x: x, "to negate is to turn the sign bit over, and nothing else"),
    Row(lambda x: x * -1.0, lambda x: -x, "the exact product is a float; a product's sign is that of both factors"),
    Row(lambda x, y: x + -y, lambda x, y: x - y, "x - y is defined as x + (-y)"),
    Row(lambda x, y: x - -y, lambda x, y: x + y, "x - y is defined as x + (-y)"),
    Row(lambda x, y: -x * -y, lambda x, y: x * y, "rounding does not look at signs, and two that turn over cancel"),
    Row(lambda x: x**1.0, lambda x: x, "pow(x, 1) is x for every x, C has it so"),
    Row(lambda x: x**0.0, lambda x: 1.0, "pow(x, 0) is 1 for every x, even nan: C99, F.9.4.4"),
    Row(lambda x: x**-0.0, lambda x: 1.0, "pow(x, -0) is 1 for every x, even nan: C99, F.9.4.4"),
    # What transforms write.
    Row(lambda x: selected(x), lambda x: x, "its value is that of its operand"),
    Row(lambda x: argument(x), lambda x: x, "its value is that of its operand"),
    Row(lambda x, y: instead(x, y), lambda x, y: x, "its value is that of the first operand"),
    Row(lambda k, x: masked_product(k, x), lambda k, x: 0.0, "it is 0 for that mask", lambda k: k == 0.0),
    Row(lambda k, x: masked_product(k, x), lambda k, x: k * x, "it differs only where the mask is 0", bool),
    Row(
        lambda x: masked_product(x, 1.0),
        lambda x: x + 0.0,
        "0.0 makes 0.0 of -0.0, as the mask does, and changes no other",
    ),
    Row(lambda x: masked_product(x, -1.0), lambda x: 0.0 - x, "0.0 - x is -x, but 0.0 for both zeros, as for a mask"),
    Row(lambda k, x: kept(k, x), lambda k, x: -0.0, "it is -0.0 for that mask", lambda k: k == 0.0),
    Row(lambda k, x: kept(k, x), lambda k, x: x, "it is x for any other mask", bool),
    Row(lambda k, x: dropped(k, x), lambda k, x: x, "it is x for that mask", lambda k: k == 0.0),
    Row(lambda k, x: dropped(k, x), lambda k, x: -0.0, "it is -0.0 for any other mask", bool),
)

TABLE = Table(ROWS)
