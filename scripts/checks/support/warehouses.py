"""The statements of docs/data-engineers.md that make the table of runs in a warehouse: those that load an export, for engines that are here
(support/readers.py runs them), and all of them as sqlglot parses them. Started by checks/engines.py."""

import logging
import re

import sqlglot
from sqlglot import expressions

from checks.support.account import ROOT
from checks.support.readers import ENGINES, LOADED

PAGE = ROOT / "docs/data-engineers.md"
BLOCK = re.compile(r"^\*\*(\w+)\*\* \(([^\n]+)\):\n\n```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BY_DAY = "-- By day: "
# Where the page's exports are.
FOLDER = re.compile(r"(s3://bucket/)?september/")


def blocks():
    """Name, whether it was tried in the page's words, and the statements as text."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def loading_statements(exports):
    """By warehouse and kind of export, the statements that make the table and fill it; `exports` has the folder of each kind."""
    names, found = {engine.warehouse for engine in ENGINES.values()} - {None}, {}
    for name, _, text in blocks():
        if name not in names:
            continue
        create, load = [statement.strip() for statement in re.sub(r"(?m)^--.*$", "", text).split(";") if statement.strip()]
        by_day = next(line.removeprefix(BY_DAY).rstrip(";") for line in text.splitlines() if line.startswith(BY_DAY))
        if name == "Databricks":
            # Its tables are Delta tables, which Spark by itself has not.
            create += " USING PARQUET"
        whole, split = (FOLDER.sub(f"{exports[kind]}/", load) for kind, load in zip(LOADED, (load, by_day)))
        found[name] = dict(zip(LOADED, ([create, whole], [create, split])))
    return found


def check_statements(checks):
    """Each block is SQL of its warehouse, as far as sqlglot knows it, and declares the same columns; the page says what was tried."""
    tried = {engine.warehouse for engine in ENGINES.values()} - {None}
    # It warns of statements that it keeps as text, such as CALL.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    columns = None
    for name, words, text in blocks():
        checks.equal(f"statements, {name}: the page says whether they were tried", words.startswith("tried"), name in tried)
        try:
            create, *rest = sqlglot.parse(text, read=name.lower())
        except sqlglot.ParseError as error:
            checks.that(f"statements, {name}: sqlglot parses them", False, error)
            continue
        checks.that(f"statements, {name}: the first makes a table", isinstance(create, expressions.Create) and create.kind == "TABLE", create)
        types = {column.name: column.args["kind"] for column in create.find_all(expressions.ColumnDef)}
        types.pop("started_on", None)
        columns = columns or list(types)
        checks.equal(f"statements, {name}: the same columns", list(types), columns)
        decimals = {size.name for kind in [types["usage_total_usd"]] for size in kind.find_all(expressions.DataTypeParam)}
        checks.equal(f"statements, {name}: 38 digits of money, 18 after the point", decimals, {"38", "18"})
    checks.equal("statements: one block for each warehouse", len(blocks()), 7)
