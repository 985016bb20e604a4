"""The rule file of the FOCUS project's validator, evaluated over rows of a CSV file: for where the validator itself doesn't
run. Only what can be told row by row; a rule that asks for more is counted as not evaluated, never as passed."""

import json
import re
import tarfile
from collections import Counter
from decimal import Decimal, InvalidOperation

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NUMERIC = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
# A word of a unit is a capitalized noun; 'Unit Format'.
UNIT = re.compile(r"(\d+ )?[A-Za-z]+( [A-Za-z]+)*([-/][A-Za-z]+)?")


class NotEvaluated(Exception):
    """A check that isn't known here, or a column that isn't there."""


def is_decimal(text):
    try:
        return NUMERIC.fullmatch(text) is not None and Decimal(text).is_finite()
    except InvalidOperation:
        return False


# Checks of one cell, which hold for an empty one: null is the business of other rules.
CELL_CHECKS = {
    "TypeString": lambda text: True,
    "FormatString": lambda text: True,
    "TypeDecimal": is_decimal,
    "FormatNumeric": is_decimal,
    "CheckDecimalValue": is_decimal,
    "TypeDateTime": lambda text: DATE_TIME.fullmatch(text) is not None,
    "FormatDateTime": lambda text: DATE_TIME.fullmatch(text) is not None,
    "FormatCurrency": lambda text: re.fullmatch("[A-Z]{3}", text) is not None,
    "CheckNationalCurrency": lambda text: re.fullmatch("[A-Z]{3}", text) is not None,
    "FormatUnit": lambda text: UNIT.fullmatch(text) is not None,
}


def columns_of(check):
    """The columns that a check looks at."""
    own = {check[key] for key in ("ColumnName", "ColumnAName", "ColumnBName") if key in check}
    return own.union(*(columns_of(item) for item in check.get("Items", [])))


def holds(check, row):
    """Whether a check holds for a row."""
    kind = check.get("CheckFunction")
    if kind == "AND":
        return all([holds(item, row) for item in check["Items"]])
    if kind == "OR":
        return any([holds(item, row) for item in check["Items"]])
    if kind == "ColumnPresent":
        return check["ColumnName"] in row
    columns = [check[key] for key in ("ColumnName", "ColumnAName", "ColumnBName") if key in check]
    if not columns or any(column not in row for column in columns):
        raise NotEvaluated
    if kind in ("CheckValue", "CheckNotValue"):
        value = row[columns[0]] or None
        return (value == check["Value"]) == (kind == "CheckValue")
    if kind in ("CheckSameValue", "CheckNotSameValue"):
        return (row[columns[0]] == row[columns[1]]) == (kind == "CheckSameValue")
    if kind in CELL_CHECKS:
        return row[columns[0]] == "" or CELL_CHECKS[kind](row[columns[0]])
    raise NotEvaluated


class Rules:
    """The rules of FOCUS 1.2 whose conditions hold."""

    def __init__(self, model, criteria):
        self.version = model["Details"]["ModelVersion"]
        self.rules = {
            name: rule["ValidationCriteria"]
            for name, rule in model["ModelRules"].items()
            if rule["Status"] == "Active" and set(rule.get("ApplicabilityCriteria") or []) <= set(criteria)
        }
        self.static = {name for name in self.rules if model["ModelRules"][name]["Type"] == "Static"}
        self.passed = self.skipped = 0

    @classmethod
    def of_package(cls, package, criteria):
        """Those that the validator's source package carries."""
        with tarfile.open(package) as archive:
            names = [name for name in archive.getnames() if re.search(r"/focus_validator/rules/model-1\.2[0-9.]*\.json$", name)]
            return cls(json.load(archive.extractfile(max(names))), criteria)

    def failing(self, rows):
        """Rules that don't hold, with the number of rows for which they don't; one that only says what 'may' be isn't evaluated."""
        failing = {}
        for name, rule in self.rules.items():
            requirement, condition = rule.get("Requirement") or {}, rule.get("Condition") or {}
            if name not in self.static or not requirement or rule["Keyword"] in ("MAY", "OPTIONAL"):
                self.skipped += 1
                continue
            # Rows that are the same in what the rule looks at are looked at once.
            columns = sorted(columns_of(requirement) | columns_of(condition))
            distinct = Counter(tuple(row.get(column) for column in columns) for row in rows)
            try:
                wrong = 0
                for cells, count in distinct.items():
                    row = {column: cell for column, cell in zip(columns, cells) if cell is not None}
                    wrong += count * ((not condition or holds(condition, row)) and not holds(requirement, row))
            except NotEvaluated:
                self.skipped += 1
                continue
            if wrong:
                failing[name] = wrong
            else:
                self.passed += 1
        return failing
