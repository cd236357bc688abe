"""Run the chapters anew: `python notebooks/execute.py [--check] [chapter.ipynb ...]`.

Without `--check` the chapters are saved with their outputs, but for what differs from run to run or from machine to
machine and what a reader does not need. With `--check` nothing is saved, and each text output must be the saved one.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from microgrady.files import write_whole

FOLDER = Path(__file__).parent


def clean(notebook: nbformat.NotebookNode) -> None:
    """Take out the old outputs, and all metadata but the language."""
    notebook.metadata = nbformat.NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.NotebookNode()
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Run a notebook from top to bottom in a new kernel."""
    result = copy.deepcopy(notebook)
    clean(result)
    client = NotebookClient(result, timeout=60, kernel_name="python3", record_timing=False, coalesce_streams=True)
    client.execute(cwd=str(FOLDER))
    result.metadata.language_info = nbformat.NotebookNode(name="python")
    nbformat.validate(result)
    return result


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the lines of all text outputs, with the cell that each stands in."""
    lines = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            lines += [f"cell {number}: {line}" for line in text.splitlines()]
    return lines


def main() -> int:
    """Run the chapters named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Runs the chapters and saves or compares their outputs.")
    parser.add_argument("--check", action="store_true", help="compare with the saved text outputs instead of saving")
    parser.add_argument("chapters", nargs="*", type=Path, help="all of them, if none is named")
    arguments = parser.parse_args()
    failed = 0
    for path in arguments.chapters or sorted(FOLDER.glob("*.ipynb")):
        saved = nbformat.read(path, as_version=4)
        try:
            fresh = executed(saved)
        except CellExecutionError as error:
            failed += 1
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        if not arguments.check:
            write_whole(path, (nbformat.writes(fresh).rstrip("\n") + "\n").encode())
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
        elif different := list(difflib.unified_diff(texts(saved), texts(fresh), "saved", "now", n=0, lineterm="")):
            failed += 1
            print(path.name, *different, sep="\n", file=sys.stderr)
        else:
            print(f"{path.name}: as saved")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
