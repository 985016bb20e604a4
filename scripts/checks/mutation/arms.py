"""All mutants of some functions in one text: each is an arm of the function's body, and a number in the environment says which is taken."""

import re
from bisect import bisect_right

# Asked at every call: the number is read once. The binary of end-to-end tests has no environment, and reads a file.
ACTIVE = "crate::active_mutant()"
ASKING = """
/// Which mutant is active.
pub fn active_mutant() -> usize {
    static ACTIVE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *ACTIVE.get_or_init(|| {
        let text = std::env::var("ACTIVE_MUTANT").ok();
        let text = text.or_else(|| std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/active-mutant")).ok());
        text.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    })
}
"""


class Source:
    """A file's text, by lines and columns from 1, as mutants say where they are."""

    def __init__(self, text):
        self.text = text
        self.starts = [0]
        for line in text.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def offset(self, place):
        """Where a line and a column are."""
        return self.starts[place["line"] - 1] + place["column"] - 1

    def line_of(self, offset):
        """The line of a place, from 1."""
        return bisect_right(self.starts, offset)


def body_of(source, function, inner):
    """Where the text between a function's braces begins and ends; `inner` is a place within. None of a function that is const."""
    start, end = source.offset(function["start"]), source.offset(function["end"])
    text = source.text[start:end]
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if letter == "{" and depth == 0:
            is_const = re.search(r"\bconst\s+(unsafe\s+)?fn\b", text[:at])
            return None if is_const or not text.endswith("}") or start + at >= inner else (start + at + 1, end - 1)
    return None


class Instrumented:
    """Files with mutants in them. Those that don't compile are taken out again."""

    def __init__(self, mutants):
        self.mutants = list(mutants)
        # Of each file, which lines are of which mutant's arm, since the last writing.
        self.lines = {}

    def text_of(self, name, text):
        """A file's text with the arms of its mutants."""
        source = Source(text)
        bodies = {}
        for mutant in [mutant for mutant in self.mutants if mutant.file == name]:
            span = (source.offset(mutant.span["start"]), source.offset(mutant.span["end"]))
            body = body_of(source, mutant.function, span[0] + (1 if span[1] > span[0] else 0))
            if body is None or span[1] > body[1]:
                self.mutants.remove(mutant)
                continue
            bodies.setdefault(body, []).append((mutant, span))
        # A function within another: its mutants are arms of the outer one.
        for body in sorted(bodies):
            outer = next((other for other in bodies if other != body and other[0] <= body[0] and body[1] <= other[1]), None)
            if outer is not None:
                bodies[outer] += bodies.pop(body)
        written, at, self.lines[name] = "", 0, []
        for (begin, end), arms in sorted(bodies.items()):
            written += source.text[at:begin] + f" match {ACTIVE} {{\n"
            for mutant, (start, stop) in arms:
                first = written.count("\n") + 1
                written += f"{mutant.number} => {{ {source.text[begin:start]}{mutant.replacement}{source.text[stop:end]} }}\n"
                self.lines[name].append((first, written.count("\n"), mutant))
            written += f"_ => {{ {source.text[begin:end]} }} }}"
            at = end
        return written + source.text[at:]

    def take_out(self, places):
        """Takes out the mutants in whose arms these places are: file and line; says whether there was any."""
        found = {mutant for name, line in places for first, last, mutant in self.lines.get(name, []) if first <= line <= last}
        self.mutants = [mutant for mutant in self.mutants if mutant not in found]
        return bool(found)
