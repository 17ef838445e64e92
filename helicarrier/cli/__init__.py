"""The command line: parse, call one function, print.

Data goes to stdout, progress and messages to stderr. Commands are imported when they are called,
so that `helicarrier --help` stays fast. Errors of the tree end with their exit code, a line of what
happened and a line of what to do; a traceback is only seen for a defect.
"""

import importlib
import os
import sys
from typing import NoReturn

import click

from helicarrier import __version__
from helicarrier.errors import ContractError, HelicarrierError

_USAGE = 64
_INTERRUPTED = 130
_DUCKDB_INTERRUPTED = "Query interrupted"  # how DuckDB passes on an interrupt by the keyboard

COMMANDS = {
    "alerts": ("helicarrier.cli.alerts:alerts", "Watch cost, runtime and failures; tell people."),
    "content": (
        "helicarrier.cli.content:content",
        "Keep documents, messages and annotations.",
    ),
    "advisory": (
        "helicarrier.cli.advisory:advisory",
        "Turn advice on and off, verify it stands apart, drop it.",
    ),
    "canary": ("helicarrier.cli.canary:canary", "Judge a canary, and drill its rules."),
    "demo": ("helicarrier.cli.demo:demo", "Import the sample sessions and show what comes out."),
    "doctor": ("helicarrier.cli.doctor:doctor", "Check the installation and the stores."),
    "evals": ("helicarrier.cli.evals:evals", "Judge evals by release gates and compare runs."),
    "git": ("helicarrier.cli.git:git", "Answer which content a file had at a time."),
    "import": ("helicarrier.cli.import_:import_", "Import session files into the ledger."),
    "lineage": ("helicarrier.cli.lineage:lineage", "Explain numbers, list and verify runs."),
    "matches": ("helicarrier.cli.matches:matches", "Import match results, which advice is about."),
    "migrate": ("helicarrier.cli.migrate:migrate", "Show or bring up the schema of the store."),
    "quarantine": ("helicarrier.cli.quarantine:quarantine", "Show lines that were refused."),
    "refresh": ("helicarrier.cli.refresh:refresh", "Refresh the aggregates of dirty days."),
    "report": ("helicarrier.cli.report:report", "Report usage, performance or cost."),
    "openapi": ("helicarrier.cli.openapi:openapi", "Print the OpenAPI document of the service."),
    "token": ("helicarrier.cli.token:token", "Make, list and revoke access tokens."),
    "routing": ("helicarrier.cli.routing:routing", "Show and change which provider answers."),
    "serve": ("helicarrier.cli.serve:serve", "Serve the HTTP API and the pages."),
    "reprice": ("helicarrier.cli.reprice:reprice", "Price calls again after a price update."),
    "retention": ("helicarrier.cli.retention:retention", "Drop events and aggregates of old days."),
    "resolution": ("helicarrier.cli.resolution:resolution", "Do raters agree on what is equal?"),
    "restore": ("helicarrier.cli.restore:restore", "Put a backup back in place."),
}
"""Name -> where the command is, and its line in the help."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """A reader of a pipe that has seen enough is no failure; click would end with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The interpreter must not flush into the pipe at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in sorted(COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="helicarrier")
def cli() -> None:
    """A governed ledger of what AI agents did and what it cost."""


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line; ends the process with the exit code of what happened."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    try:
        outcome = cli.main(args=args, prog_name="helicarrier", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except RuntimeError as error:
        if str(error) != _DUCKDB_INTERRUPTED:
            raise
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except click.UsageError as error:
        error.show()
        return _USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HelicarrierError as error:
        _show(error)
        return error.exit_code
    return outcome if isinstance(outcome, int) else 0


def _show(error: HelicarrierError) -> None:
    click.echo(f"error: {error.message} [{error.code}]", err=True)
    if isinstance(error, ContractError):
        for violation in error.violations:
            click.echo(f"  {violation.pointer or '/'}: {violation.message}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
