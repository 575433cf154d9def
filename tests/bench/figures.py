"""The figures of a run: what they are, what they should be, and the table of them."""

import statistics


class Goal:
    """`bound` is a number, or makes one of the book (None: there is nothing to compare with)."""

    def __init__(self, relation, bound, says=""):
        self.relation, self.bound, self.says = relation, bound, says

    def judge(self, book, value):
        """What to print, and whether it is met; ("", None) when it cannot be judged."""
        bound = self.bound(book) if callable(self.bound) else self.bound
        if bound is None:
            return "", None
        text = f"{self.relation} {number(bound)}" + (f" ({self.says})" if self.says else "")
        return text, value <= bound if self.relation == "<=" else value >= bound


class Figure:
    def __init__(self, title, unit, goal=None):
        self.title, self.unit, self.goal = title, unit, goal


def times(key, factor):
    """For a goal: another figure of the same run, times a factor."""
    def bound(book):
        value = book.median(key)
        return None if value is None else value * factor
    return bound


def number(value):
    if value is None:
        return "-"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


class Book:
    """Values by key, one of each repeat; sections and figures in the order of their first note."""

    def __init__(self):
        self.figures, self.values, self.sections, self.notes, self.failed = {}, {}, {}, [], []

    def add(self, section, key, figure, value):
        self.sections.setdefault(section, [])
        if key not in self.figures:
            self.figures[key] = figure
            self.sections[section].append(key)
        self.values.setdefault(key, []).append(value)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def median(self, key):
        return statistics.median(self.values[key]) if self.values.get(key) else None

    def goal(self, key):
        figure = self.figures[key]
        return figure.goal.judge(self, self.median(key)) if figure.goal else ("", None)

    def as_json(self):
        out = {}
        for section, keys in self.sections.items():
            for key in keys:
                text, met = self.goal(key)
                values = self.values[key]
                out[key] = {"section": section, "title": self.figures[key].title,
                            "unit": self.figures[key].unit, "values": values,
                            "median": self.median(key), "min": min(values), "max": max(values),
                            "goal": text or None, "met": met}
        return out

    def summary(self):
        judged = [met for met in (self.goal(key)[1] for key in self.figures) if met is not None]
        return f"{sum(judged)} of {len(judged)} goals met"


def _row(book, key, baseline):
    figure, values = book.figures[key], book.values[key]
    text, met = book.goal(key)
    spread = f"{number(min(values))} - {number(max(values))}" if len(values) > 1 else ""
    row = ["  " + figure.title, number(book.median(key)), figure.unit, spread, text,
           "" if met is None else "met" if met else "MISSED"]
    if baseline is not None:
        before = baseline.get(key, {}).get("median")
        row += [number(before), f"{book.median(key) / before:.2f}" if before else ""]
    return row


def table(book, baseline=None):
    """Lines. `baseline` holds the figures of another run as as_json() gives them."""
    head = ["", "median", "", "min - max", "goal", ""]
    head += ["before", "ratio"] if baseline is not None else []
    rows = [head]
    for section, keys in book.sections.items():
        rows.append([section])
        rows += [_row(book, key, baseline) for key in keys]
    widths = [max(len(row[i]) for row in rows if len(row) > 1) for i in range(len(head))]
    right = {1, 6, 7}
    for row in rows:
        cells = [cell.rjust(width) if i in right else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip() if len(row) > 1 else row[0]
