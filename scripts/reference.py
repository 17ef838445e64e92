"""Writes the reference pages from the code: tables, command line, configuration, errors, routes.

`python scripts/reference.py` writes them, `--check` says (exit 1) which are out of date. They are
derived, so that they cannot contradict what runs.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import msgspec

from helicarrier import settings
from helicarrier.api.app import create_app
from helicarrier.api.handbook import Parameter, operations
from helicarrier.cli import COMMANDS, cli
from helicarrier.errors import ErrorCode, HelicarrierError
from helicarrier.governance.contract import Column, TableContract, rule_sql
from helicarrier.ingest import envelope

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"
_AREAS = (
    "ledger",
    "usage",
    "alerts",
    "notify",
    "evals",
    "resolution",
    "matches",
    "advisory",
    "lineage.content",
    "lineage.git",
)


def tables() -> str:
    """Every table with its columns and rules."""
    parts = ["# Tables", "", "Made from the contracts in `helicarrier/*/tables.py`.", ""]
    for area in _AREAS:
        module = importlib.import_module(f"helicarrier.{area}.tables")
        parts += [f"## {area.rpartition('.')[2].capitalize()}", ""]
        for contract in module.CONTRACTS:
            parts += _table(contract)
        for contract in getattr(module, "FACTS", ()):
            parts += _table(contract, place=" (Parquet, one partition a day)")
    return "\n".join(parts)


def _table(contract: TableContract, place: str = "") -> Iterator[str]:
    yield f"### `{contract.name}`{place}"
    yield ""
    yield f"One row per {contract.grain}. Key: `{', '.join(contract.primary_key)}`."
    yield ""
    yield "| column | kind | null | meaning |"
    yield "|---|---|---|---|"
    for column in contract.columns:
        yield f"| `{column.name}` | {_kind(column)} | {_null(column)} | {_meaning(column)} |"
    yield ""
    for rule in contract.rules:
        yield f"- **{rule.name}**: `{rule_sql(rule)}`. {rule.remedy}"
    if contract.rules:
        yield ""


def _kind(column: Column) -> str:
    return f"{column.kind} ({column.unit})" if column.unit else column.kind


def _null(column: Column) -> str:
    return "yes" if column.nullable else ""


def _meaning(column: Column) -> str:
    values = f" One of {', '.join(f'`{v}`' for v in column.values)}." if column.values else ""
    return (column.meaning + values).replace("|", "\\|")


def command_line() -> str:
    """The help of every command."""
    parts = ["# Command line", ""]
    for path, command in _commands():
        context = click.Context(
            command, info_name=f"helicarrier {path}", terminal_width=80, max_content_width=80
        )
        parts += [f"## `{context.info_name}`", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(parts)


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in sorted(COMMANDS):
        command = cli.get_command(context, name)
        if command is None:
            continue
        yield from _below(name, command)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """A command and, for a group, those in it."""
    yield path, command
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from _below(f"{path} {child}", command.commands[child])


def configuration() -> str:
    """Every variable with its default and meaning."""
    meanings = _docs_of(settings.Settings)
    parts = [
        "# Configuration",
        "",
        "Environment variables; an invalid value stops the start and is named.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for field in msgspec.structs.fields(settings.Settings):
        default = "" if field.default is None else f"`{field.default}`"
        variable = f"{settings.PREFIX}{field.name.upper()}"
        parts.append(f"| `{variable}` | {default} | {meanings[field.name]} |")
    return "\n".join([*parts, ""])


def _docs_of(declared: type) -> dict[str, str]:
    """The strings under the fields or members of a class."""
    body = ast.parse(inspect.getsource(declared)).body[0]
    found: dict[str, str] = {}
    name = ""
    for node in getattr(body, "body", []):
        if isinstance(node, ast.AnnAssign | ast.Assign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            name = target.id if isinstance(target, ast.Name) else ""
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = " ".join(str(node.value.value).split())
    return found


def errors() -> str:
    """The error tree and every code."""
    parts = [
        "# Errors",
        "",
        "| error | exit | HTTP | meaning |",
        "|---|---|---|---|",
    ]
    for error in _tree(HelicarrierError):
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        parts.append(f"| {error.__name__} | {error.exit_code} | {error.http_status} | {meaning} |")
    meanings = _docs_of(ErrorCode)
    codes = ["", "| code | what it means and what to do |", "|---|---|"]
    codes += [f"| `{code}` | {meanings[code.name]} |" for code in ErrorCode]
    versions = ", ".join(f"`{version}`" for version in sorted(envelope.VERSIONS))
    return "\n".join([*parts, *codes, "", f"Envelope versions: {versions}.", ""])


def http_api() -> str:
    """Every route with its scope, what it takes and what it answers."""
    parts = ["# HTTP API", "", "Made from the OpenAPI document (`helicarrier openapi`).", ""]
    parts += ["A refusal is a problem document; [errors](errors.md) lists the codes.", ""]
    for one in operations(create_app(settings.Settings())):
        parts += [f"## `{one.method} {one.path}`", "", one.description, ""]
        parts += [
            f"Scope: `{one.scope}`." if one.scope else "Open: no token is asked for.",
            "",
        ]
        parts += _parameters(one.parameters)
        for media, shape in one.bodies:
            parts += [f"Body: `{media}`, {shape}.", ""]
        parts += [f"- {status}: {shape}" for status, shape in one.answers]
        parts += [f"- refused with {', '.join(one.refusals)}", ""]
    return "\n".join(parts)


def _parameters(parameters: Sequence[Parameter]) -> list[str]:
    rows = [
        f"| `{one.name}` | {one.place} | {'yes' if one.required else ''} | {one.value} |"
        for one in parameters
    ]
    return ["| parameter | in | required | value |", "|---|---|---|---|", *rows, ""] if rows else []


def _tree(root: type[HelicarrierError]) -> Iterator[type[HelicarrierError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == "helicarrier.errors":
            yield from _tree(child)


WRITERS: dict[str, Callable[[], str]] = {
    "tables.md": tables,
    "command-line.md": command_line,
    "configuration.md": configuration,
    "errors.md": errors,
    "http-api.md": http_api,
}


def main() -> int:
    """Write the pages, or check them."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, write in WRITERS.items():
        page, text = PAGES / name, write().rstrip() + "\n"
        if page.exists() and page.read_text() == text:
            continue
        stale.append(name)
        if not check:
            page.write_text(text)
    for name in stale:
        print(f"{'out of date' if check else 'wrote'}: docs/reference/{name}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
