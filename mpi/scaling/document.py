"""document.py: the tables of docs/scaling.md, from the lines that measure.c printed. Called by scripts/scaling.

usage: document.py COMMAND PROCESSORS RESULTS
"""

import json
import math
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from document import put  # noqa: E402

RECORD, BLOCK = 72, 1024
LATENCY, BANDWIDTH = 2e-6, 10e9  # of one message between two processors of a cluster: assumed
VOCABULARIES, BATCH = (10**8, 131072), 4096


def messages(rows):
    return math.ceil(rows / BLOCK)


def sent(rows):
    return RECORD * (rows + messages(rows))


def counted(runs):
    """Bytes and messages: the model is exact, or this stops."""
    lines = ["| ranks | messages | model | bytes a row | model | other collective calls |", "|---|---|---|---|---|---|"]
    for of in runs:
        rows = of["rows"]
        if (of["messages"], of["bytes"], of["others"]) != (messages(rows), sent(rows), 0):
            sys.exit(f"{of}: not what the model says")
        lines.append(f"| {of['ranks']} | {of['messages']} | {messages(rows)} | {of['bytes'] / rows:.3f} "
                     f"| {sent(rows) / rows:.3f} | {of['others']} |")
    return "\n".join(lines) + "\n"


def timed(runs, processors):
    """Time a row: entries by what one rank takes, divided among the processors there are; messages as measured alone."""
    alone = (runs[0]["seconds"] - runs[0]["bare"]) / runs[0]["rows"]
    lines = ["| ranks | a row | model | of that: entries | messages | an empty message |", "|---|---|---|---|---|---|"]
    for of in runs:
        rows, bare = of["rows"], of["bare"] / of["rows"]
        entries = alone / min(of["ranks"], processors)
        lines.append(f"| {of['ranks']} | {of['seconds'] / rows * 1e6:.3f} us | {(entries + bare) * 1e6:.3f} us "
                     f"| {entries * 1e6:.3f} us | {bare * 1e6:.3f} us | {of['one'] * 1e6:.1f} us |")
    return "\n".join(lines) + "\n"


def extrapolated(runs):
    """A cluster: recursive doubling, each step one message and one merge of every record."""
    first = runs[0]
    entry = (first["seconds"] - first["bare"]) / first["rows"] / first["classes"]
    merge = min(of["merge"] for of in runs)
    lines = [f"{entry * 1e9:.3f} ns an entry and {merge * 1e9:.0f} ns a merge are measured here; "
             f"{LATENCY * 1e6:.0f} us and {BANDWIDTH / 1e9:.0f} GB/s are assumed.", "",
             "| ranks | messages a row | a row of 10^8 | of perfect scaling | of 131072 | of perfect scaling |",
             "|---|---|---|---|---|---|"]
    for ranks in (1, 2, 4, 8, 16, 64, 256, 1024):
        steps = math.ceil(math.log2(ranks))
        message = steps * (LATENCY * messages(BATCH) / BATCH + sent(BATCH) / BATCH / BANDWIDTH + merge)
        cells = [f"{message * 1e6:.3f} us"]
        for classes in VOCABULARIES:
            entries = classes / ranks * entry
            cells += [f"{(entries + message) * 1e6:.1f} us", f"{entries / (entries + message):.1%}"]
        lines.append(f"| {ranks} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    command, processors, results = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    runs = [json.loads(line) for line in results.read_text().splitlines() if line.startswith("{")]
    runs.sort(key=lambda of: of["ranks"])
    document = ROOT / "docs" / "scaling.md"
    what = (f"`{command}`: softmax of {runs[0]['rows']} rows of {runs[0]['classes']} float32 logits, "
            f"{processors} processors. The best of 5.\n\n")
    put(document, "counted", what + counted(runs))
    put(document, "timed", what + timed(runs, processors))
    put(document, "extrapolated", extrapolated(runs))


if __name__ == "__main__":
    main()
