"""notebook.py: executes article.ipynb and compares its text with what is committed, and its table with README.md's; or
stores it anew. Called by scripts/notebook; usage there.
"""

import argparse
import copy
import math
import os
import pathlib
import re
import sys
import tempfile

import nbclient
import nbformat

HERE = pathlib.Path(__file__).parent
NOTEBOOK, README = HERE / "article.ipynb", HERE.parent / "README.md"

# Cells with this tag print figures of SciPy and autograd. The last bits of NumPy's exp differ between processors and
# versions, and with them the worst case; its size does not. Everything else is softjac's with its baseline kernels, or
# exact, and must be equal.
TAG, FACTOR = "within-a-factor", 3
FIGURE = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?e[-+]\d+|-?\d+\.\d+)(?![\w.])")

TABLE = "table"  # the cell that prints the README's, with one column more
OTHERS = 3


def execute(notebook):
    """Executes all cells in the folder of the notebook, apart from what the user has configured."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
            os.environ[name] = folder
        os.environ.pop("MPLBACKEND", None)  # the kernel's own puts plots into cells
        resources = {"metadata": {"path": str(HERE)}}
        client = nbclient.NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources=resources,
        )
        kernel = client.create_kernel_manager()
        kernel.transport, kernel.ip = "ipc", str(pathlib.Path(folder) / "kernel")  # opens no port
        client.execute()


def scrub(notebook):
    """Leaves what is the same in every run: no versions, no warnings, which name paths."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict({"kernelspec": kernel, "language_info": {"name": "python"}})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({key: value for key, value in cell.metadata.items() if key == "tags"})
    for count, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1):
        cell.execution_count = count
        cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    return notebook


def text(cell):
    return "".join(out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs)


def agree(old, new):
    old, new = float(old), float(new)
    return old == new or (old * new > 0 and abs(math.log(new / old)) <= math.log(FACTOR))


def same(old, new, tagged):
    if not tagged:
        return old == new
    # split: figures have odd places
    old, new = (FIGURE.split(" ".join(line.split())) for line in (old, new))
    return old[::2] == new[::2] and all(map(agree, old[1::2], new[1::2]))


def compare(committed, executed):
    """Complaints about text outputs. Images are not compared: fonts and lines move with matplotlib."""
    for before, now in zip(committed.cells, executed.cells):
        if before.cell_type != "code":
            continue
        tagged = TAG in before.metadata.get("tags", [])
        old, new = text(before).splitlines(), text(now).splitlines()
        if len(old) != len(new):
            yield f"{before.id}: {len(old)} lines are stored, {len(new)} printed"
        for a, b in zip(old, new):
            if not same(a, b, tagged):
                yield f"{before.id}:\n  stored  {a}\n  printed {b}"


def rows(lines):
    """Cells of a table's rows by the first of them; blanks and Markdown's marks do not count."""
    cells = [re.sub(r"[ `*]", "", line).strip("|").split("|") for line in lines]
    return {row[0]: row[1:] for row in cells}


def compare_table(notebook):
    """Complaints about the figures of the textbook formula and of softjac."""
    readme = README.read_text().split("<!-- verify -->\n")[1].split("<!-- end of verify -->")[0]
    wanted = rows(readme.splitlines()[2:])
    cell = next(cell for cell in notebook.cells if cell.id == TABLE)
    made = rows(text(cell).splitlines()[1:])
    for form in sorted(wanted.keys() | made.keys()):
        row = made.get(form, [])
        row = row[: OTHERS - 1] + row[OTHERS:]
        if row != wanted.get(form):
            yield f"{form}: {wanted.get(form)} in README.md, {row} in the notebook"


def check(committed, executed):
    yield from compare(committed, executed)
    yield from compare_table(committed)
    if scrub(copy.deepcopy(committed)) != committed:
        yield "article.ipynb was not stored by scripts/notebook PYTHON --write"


def main():
    parser = argparse.ArgumentParser(prog="scripts/notebook PYTHON")
    parser.add_argument("--write", action="store_true", help="store the outputs")
    wanted = parser.parse_args()
    committed = nbformat.read(NOTEBOOK, as_version=4)
    executed = copy.deepcopy(committed)
    try:
        execute(executed)
    except nbclient.exceptions.CellExecutionError as failure:
        sys.exit(f"notebook: a cell failed\n{failure}")
    scrub(executed)
    complaints = list(compare_table(executed))
    if wanted.write:
        nbformat.write(executed, NOTEBOOK)
    else:
        complaints += check(committed, executed)
    if complaints:
        sys.exit("\n".join(dict.fromkeys(complaints)))
    print(f"examples/article.ipynb {'is stored' if wanted.write else 'prints what it holds'}; its table is README.md's")


main()
