"""Run the chapters anew: `python notebooks/execute.py [--check] [chapter.ipynb ...]`.

Without `--check` the chapters are saved with their outputs, but for what differs from run to run or from machine to
machine and what a reader does not need. With `--check` nothing is saved: each text must be the saved one, and each
picture must look like it.
"""

from __future__ import annotations

import argparse
import copy
import difflib
import re
import sys
from base64 import b64decode
from pathlib import Path

import nbformat
from comparison import difference
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from microgrady.files import write_whole

FOLDER = Path(__file__).parent
PICTURES = ("image/svg+xml", "image/png")  # an output with both shows the first
GIF = re.compile("src=['\"]data:image/gif;base64,([^'\"]*)")


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
    leave_images(result)
    nbformat.validate(result)
    return result


def leave_images(notebook: nbformat.NotebookNode) -> None:
    """Leave of the HTML of graphs only the image in it.

    An image fits its column, which the SVG beside it does not where it is exported, and places that show saved
    notebooks take nothing out of it.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/svg+xml" in data and (image := re.search("<img[^>]*>", data.get("text/html", ""))):
                data["text/html"] = image[0]


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the lines of all text outputs, with the cell that each stands in."""
    lines = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            lines += [f"cell {number}: {line}" for line in text.splitlines()]
    return lines


def pictures(notebook: nbformat.NotebookNode) -> list[tuple[str, bytes]]:
    """Return all pictures, each with the cell that it stands in; of an animation the still one, if it is not a GIF."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            kind = next((kind for kind in PICTURES if kind in data), None)
            if kind is not None:
                content = data[kind].encode() if kind == "image/svg+xml" else b64decode(data[kind])
                found.append((f"cell {number}", content))
            elif gif := GIF.search(data.get("text/html", "")):
                found.append((f"cell {number}", b64decode(gif[1])))
    return found


def different_pictures(saved: nbformat.NotebookNode, fresh: nbformat.NotebookNode) -> list[str]:
    """Return a line for each picture that looks different now, or one if there are other pictures."""
    before, now = pictures(saved), pictures(fresh)
    if [cell for cell, _ in before] != [cell for cell, _ in now]:
        return [f"there are pictures in {', '.join(cell for cell, _ in now)}, not in the same cells as before"]
    found = [(cell, difference(new, old)) for (cell, old), (_, new) in zip(before, now, strict=True)]
    return [f"{cell}: the saved picture {what}" for cell, what in found if what]


def main() -> int:
    """Run the chapters named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Runs the chapters and saves or compares their outputs.")
    parser.add_argument("--check", action="store_true", help="compare with the saved outputs instead of saving")
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
            continue
        different = [
            *difflib.unified_diff(texts(saved), texts(fresh), "saved", "now", n=0, lineterm=""),
            *different_pictures(saved, fresh),
        ]
        if different:
            failed += 1
            print(path.name, *different, sep="\n", file=sys.stderr)
        else:
            print(f"{path.name}: as saved")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
