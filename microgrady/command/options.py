"""What the commands have in common: exit statuses, the width of the terminal, and what they say about options."""

from __future__ import annotations

import contextlib
import difflib
import functools
import shutil
import textwrap
from collections.abc import Iterator, Sequence

from microgrady.command.parsing import InputError, Span

NARROWEST, WIDEST_PROSE = 20, 100  # columns

# Exit statuses. Those of a program that a signal ended are 128 and its number, as in shells.
OK, CHECK_FAILED, BAD_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141

# Words are not broken, so that names and options stay what they are.
fill = functools.partial(textwrap.fill, break_long_words=False, break_on_hyphens=False)


def width() -> int:
    """Return the columns of the terminal; 80 where there is none."""
    return max(NARROWEST, shutil.get_terminal_size().columns)


def similar_option(wanted: str, options: Sequence[str]) -> str | None:
    """Return the option that may be meant by one that is not there."""
    starts = [option for option in options if option.startswith(wanted)]
    found = starts or difflib.get_close_matches(wanted, options, cutoff=0.5)
    return found[0] if found else None


def option_span(option: str, value: str) -> Span:
    """Return the place of what follows an option."""
    text = f"{option} {value}"
    return Span(text, len(option) + 1, len(text))


@contextlib.contextmanager
def refused_at(span: Span, *errors: type[Exception]) -> Iterator[None]:
    """Turn errors of the library, whose messages are sentences, into one about this place in the input."""
    try:
        yield
    except errors as error:
        # An OSError's own message names a temporary file.
        raise InputError(getattr(error, "strerror", None) or str(error), span) from None
