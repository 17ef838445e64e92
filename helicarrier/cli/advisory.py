"""`helicarrier advisory`: the switch of the advisory area, its verification and its rollback."""

import sys
from pathlib import Path

import click

from helicarrier import times
from helicarrier.cli.common import data_dir_option, json_option, print_json, settings_of
from helicarrier.errors import UsageError, VerificationFailed

_ACTOR = "cli"


@click.group()
def advisory() -> None:
    """Turn advice on and off, verify that it stands apart, drop it.

    Advice is off until somebody turns it on. Its four tables belong to nothing else and can be
    dropped at any time, also while workers run.
    """


@advisory.command()
@click.option(
    "--percent",
    type=click.IntRange(0, 100),
    help="Share of the resumes that are advised; none keeps what is set, at first 0.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@data_dir_option
def enable(*, percent: int | None, dry_run: bool, data_dir: Path | None) -> None:
    """Turn advice on; makes its tables where they are not there.

    Raising the percentage keeps every resume that was advised before.

    \b
    EXAMPLES
      helicarrier advisory enable --percent 10 --dry-run
      helicarrier advisory enable --percent 10
    """
    from helicarrier.advisory import switch

    settings = settings_of(data_dir)
    if dry_run:
        state = switch.current(settings.url)
        share = percent if percent is not None else (state.rollout_percent if state else 0)
        made = "" if switch.installed(settings.url) else ", after making the tables"
        click.echo(f"would turn advice on for {share}% of the resumes{made}")
        return
    done = switch.enable(
        settings.url, settings.backups_dir, percent=percent, actor=_ACTOR, now=times.now()
    )
    click.echo(f"advice is on for {done.rollout_percent}% of the resumes")
    if not done.on:
        click.echo("at 0% nothing is computed; choose a share with --percent", err=True)


@advisory.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@data_dir_option
def disable(*, dry_run: bool, data_dir: Path | None) -> None:
    """Turn advice off; every worker stops with the decision that it is at.

    \b
    EXAMPLES
      helicarrier advisory disable --dry-run
      helicarrier advisory disable
    """
    from helicarrier.advisory import switch

    settings = settings_of(data_dir)
    if dry_run:
        state = switch.current(settings.url)
        click.echo("would turn advice off" if state and state.enabled else "advice is off already")
        return
    done = switch.disable(settings.url, actor=_ACTOR, now=times.now())
    click.echo("advice is off" + ("" if done else ": there are no tables"))


@advisory.command()
@json_option
@data_dir_option
def status(*, as_json: bool, data_dir: Path | None) -> None:
    """Say how the switch stands and what is stored.

    \b
    EXAMPLES
      helicarrier advisory status
      helicarrier advisory status --json
    """
    from helicarrier.advisory.reading import overview

    found = overview(settings_of(data_dir).url, now=times.now())
    if as_json:
        print_json(found.as_json())
        return
    if found.state is None:
        click.echo("advice is off: there are no tables")
        return
    click.echo(
        f"advice is {'on' if found.state.enabled else 'off'}, rollout "
        f"{found.state.rollout_percent}%, last switched {times.utc_text(found.state.updated_at)}"
    )
    click.echo(
        f"signals: {found.active:,} active, {found.expired:,} expired, {found.inactive:,} inactive"
    )
    click.echo(f"budget today: {found.used_today:,} used by {found.resumes_today:,} resumes")


@advisory.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print the statements; run nothing.")
@data_dir_option
def rollback(*, yes: bool, dry_run: bool, data_dir: Path | None) -> None:
    """Drop the four tables and the record of their migration; nothing else changes.

    Works at any time, also while workers run; `helicarrier advisory enable` brings the tables back.

    \b
    EXAMPLES
      helicarrier advisory rollback --dry-run
      helicarrier advisory rollback --yes
    """
    from helicarrier.advisory.rollback import STATEMENTS, roll_back

    if dry_run:
        for statement in STATEMENTS:
            click.echo(f"{statement};")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nothing was dropped", hint="Say --yes, or --dry-run to look first.")
        click.confirm("Drop every advisory table?", abort=True)
    roll_back(settings_of(data_dir).url, actor=_ACTOR, now=times.now())
    click.echo("the advisory tables are gone; nothing else was changed")


@advisory.command()
@click.option(
    "--expect",
    type=click.Choice(["installed", "absent"]),
    help="How the tables should stand; otherwise all or none of them.",
)
@json_option
@data_dir_option
def verify(*, expect: str | None, as_json: bool, data_dir: Path | None) -> None:
    """Verify that the area stands apart and keeps its promises; ends with 7 where it does not.

    \b
    EXAMPLES
      helicarrier advisory verify
      helicarrier advisory verify --json
    """
    from helicarrier.advisory.verification import Presence
    from helicarrier.advisory.verification import verify as verified

    wanted = None if expect is None else Presence(expect)
    report = verified(settings_of(data_dir).url, expect=wanted)
    if as_json:
        print_json(
            {
                "presence": report.presence,
                "holds": report.holds,
                "findings": [
                    {
                        "promise": finding.promise,
                        "holds": finding.holds,
                        "expected": finding.expected,
                        "found": finding.found,
                    }
                    for finding in report.findings
                ],
            }
        )
    else:
        for finding in report.findings:
            told = ", ".join(finding.found) or "nothing"
            click.echo(f"{'ok' if finding.holds else 'BROKEN':<7} {finding.promise:<13} {told}")
        click.echo(f"the tables are {report.presence}")
    if not report.holds:
        broken = [finding.promise.value for finding in report.findings if not finding.holds]
        raise VerificationFailed(
            f"the advisory area does not keep: {', '.join(broken) or report.presence.value}",
            hint="docs/runbooks/advisory.md says what each promise means.",
        )
