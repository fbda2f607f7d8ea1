"""plot.py: draws gap.csv as gap.svg: relative error at the argmax against its distance to the next logit, a panel for each quantity
and dtype. Plain SVG whose colours follow the viewer's light or dark theme. Standard library only. Called by digits.py.
"""

import csv
import math

PANELS = {
    "jacobian": "Jacobian, diagonal",
    "vjp": "VJP",
    "cross_entropy": "cross-entropy gradient",
    "log_softmax": "log-softmax",
}

WIDTH, HEIGHT, LEFT, TOP = 205, 190, 64, 62
ACROSS, DOWN = 12, 66

# lowest and highest exponent of the axis, its ticks; ticks of the gap; where 1 + T rounds to 1: digits ln 2
AXES = {
    "float64": (-18.2, 4, range(-16, 1, 4), (0, 10, 100, 300, 500, 745), 53 * math.log(2)),
    "float32": (-8.9, 2.2, range(-8, 1, 2), (0, 5, 20, 40, 70, 104), 24 * math.log(2)),
}

STYLE = """
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.page { fill: #ffffff }
.head { font-size: 12px; font-weight: 600 }
.small, .unit { fill: #59636e; font-size: 10px }
.grid { stroke: #d1d9e0; stroke-width: 1; fill: none }
.limit { stroke: #59636e; stroke-width: 1.2; stroke-dasharray: 3 3; fill: none }
.theirs { stroke: #bc4c00; stroke-width: 1.3; fill: none }
.autograd { stroke: #8250df; stroke-width: 1.3; fill: none }
.ours { stroke: #0969da; stroke-width: 2; fill: none }
text.ours { fill: #0969da; stroke: none; font-weight: 600 }
text.theirs { fill: #bc4c00; stroke: none }
text.autograd { fill: #8250df; stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .page { fill: #0d1117 }
  .small, .unit { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .limit { stroke: #9198a1 }
  .theirs { stroke: #f0883e } text.theirs { fill: #f0883e }
  .autograd { stroke: #bc8cff } text.autograd { fill: #bc8cff }
  .ours { stroke: #58a6ff } text.ours { fill: #58a6ff }
}
"""


def read(path):
    """{(dtype, quantity): (gaps, {contender: errors})}"""
    curves = {}
    with open(path, newline="") as file:
        for line in csv.DictReader(file):
            for column, value in line.items():
                if "/" not in column or value == "":
                    continue
                quantity, contender = column.split("/")
                gaps, errors = curves.setdefault((line["dtype"], quantity), ([], {}))
                if contender == "limit":
                    gaps.append(float(line["gap"]))
                errors.setdefault(contender, []).append(float(value))
    return curves


def kind(contender):
    if contender in ("softjac", "limit"):
        return {"softjac": "ours", "limit": "limit"}[contender]
    return "autograd" if contender.startswith("autograd") else "theirs"


class Panel:
    """One set of axes; x grows with the square root of the gap."""

    def __init__(self, dtype, column, row):
        self.low, self.high, self.ticks, self.gaps, self.one = AXES[dtype]
        self.x0 = LEFT + column * (WIDTH + ACROSS)
        self.y0 = TOP + row * (HEIGHT + DOWN)
        self.deepest = self.gaps[-1]

    def x(self, gap):
        return self.x0 + WIDTH * math.sqrt(gap / self.deepest)

    def y(self, error):
        exponent = math.log10(error) if error > 0 else self.low
        return self.y0 + HEIGHT * (self.high - min(max(exponent, self.low), self.high)) / (self.high - self.low)

    def axes(self, first):
        yield f'<path class="grid" d="M{self.x0} {self.y0}v{HEIGHT}h{WIDTH}"/>'
        for exponent in self.ticks:
            y = self.y(10.0**exponent)
            yield f'<path class="grid" d="M{self.x0} {y:.1f}h{WIDTH}" stroke-opacity="0.5"/>'
            if first:
                yield text(self.x0 - 6, y + 4, power(exponent), "small", "end")
        for gap in self.gaps:
            yield text(self.x(gap), self.y0 + HEIGHT + 15, str(gap), "small", "end" if gap == self.deepest else "middle")
        yield f'<path class="grid" d="M{self.x(self.one):.1f} {self.y0}v{HEIGHT}"/>'
        yield text(self.x(self.one) + 4, self.y0 + HEIGHT * 0.45, "1 + T rounds to 1", "small")
        yield text(self.x0 + WIDTH - 10, self.y0 + HEIGHT * 0.3, "subnormal", "small", "end")

    def line(self, contender, gaps, errors):
        """Broken where there is no number; not drawn above the axis once it has left it."""
        points, pen = [], "M"
        for gap, error in zip(gaps, errors):
            if not math.isfinite(error) or math.log10(max(error, 1e-300)) > self.high:
                pen = "M"
                continue
            points.append(f"{pen}{self.x(gap):.1f} {self.y(error):.1f}")
            pen = "L"
        return f'<path class="{kind(contender)}" d="{"".join(points)}"/>'


def text(x, y, words, style="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{words}</text>'


def power(exponent):
    if exponent == 0:
        return "1"
    digits = str(abs(exponent)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10⁻{digits}"


def labels(panel, quantity, gaps, errors):
    """Each curve named where it stands alone."""
    place = panel.x0 + WIDTH - 4

    def beside(contender, gap):
        return panel.y(errors[contender][min(range(len(gaps)), key=lambda i: abs(gaps[i] - gap))])

    middle = panel.deepest * 0.4
    yield text(place - 20, panel.y0 + HEIGHT - 5, "softjac", "ours", "end")
    if "PyTorch" in errors:
        above = panel.y(1) - 6
        names = "all others" if quantity == "log_softmax" else "article, PyTorch, JAX"
        yield text(place, above, names, "theirs", "end")
    if quantity != "log_softmax" and "autograd, shifted" in errors:
        yield text(place - 20, beside("autograd, shifted", middle) - 12, "autograd, shifted form", "autograd", "end")
        yield text(panel.x(panel.one) + 12, panel.y0 + 10, "autograd", "autograd")


def draw(curves):
    columns, rows = list(PANELS), list(AXES)
    width = LEFT + len(columns) * (WIDTH + ACROSS) + 8
    height = TOP + len(rows) * (HEIGHT + DOWN) - 14
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
        "<title>Relative error of derivatives of softmax against the gap between the two largest logits</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for (dtype, quantity), (gaps, errors) in curves.items():
        column, row = columns.index(quantity), rows.index(dtype)
        panel = Panel(dtype, column, row)
        parts += panel.axes(column == 0)
        if row == 0:
            parts.append(text(panel.x0, TOP - 34, PANELS[quantity], "head"))
        if column == 0:
            parts.append(text(panel.x0, panel.y0 - 12, f"{dtype}: relative error at the argmax", "unit"))
            parts.append(text(panel.x0 + WIDTH, panel.y0 + HEIGHT + 32, "gap to the next logit", "unit", "end"))
        order = sorted(errors, key=lambda c: ("theirs", "autograd", "limit", "ours").index(kind(c)))
        parts += [panel.line(c, gaps, errors[c]) for c in order]
        parts += labels(panel, quantity, gaps, errors)
        parts.append(text(panel.x0 + 4, panel.y(errors["limit"][0]) + 17, "1u", "small"))
    return "\n".join([*parts, "</svg>", ""])
