"""How small a thread's stack the tests of depth take."""

from __future__ import annotations

import sys

import microgrady as mg

# CPython 3.13 itself recurses some thousand objects deep before it frees a chain piece by piece. The
# compiled engine has its own way, which needs less.
PATIENT = mg.engine_kind() == "python" and sys.version_info >= (3, 13)
SMALL = (4096 if PATIENT else 256) * 1024
