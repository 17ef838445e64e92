"""Routes prompts to two local providers and shows the telemetry that the router left.

    python examples/routing.py --data-dir data --strategy fallback --requests 20

Each provider is a process of its own that really answers (`routing_provider.py`): it reads a prompt
and writes a page as HTML, or ends with an error where the prompt wants what it cannot make. No
network, no key. Who is asked follows from the rows of `ai_provider_configs` and the seed; every
generation is a row of `ai_training_examples`, those that nobody could answer included.
"""

import json
import subprocess
import sys
from pathlib import Path

import click

from helicarrier.cli.stores import ready_store
from helicarrier.evals.enums import EvalEnvironment, RouteStrategy
from helicarrier.evals.routing.choice import ProviderConfig
from helicarrier.evals.routing.latency import latency_by_provider
from helicarrier.evals.routing.repository import SqlRoutingRepository
from helicarrier.evals.routing.router import ProviderFailed, Router
from helicarrier.settings import load
from helicarrier.times import now

PROMPTS = (
    "A page for a bakery",
    "A page for a bicycle shop with a table",
    "A page for a choir",
    "A page for a museum with a hologram",
)
PROVIDER = Path(__file__).with_name("routing_provider.py")


def ask(config: ProviderConfig, prompt: str) -> str:
    """Ask the process of a provider, for as long as its configuration allows."""
    try:
        done = subprocess.run(
            [sys.executable, str(PROVIDER), config.provider],
            input=prompt,
            capture_output=True,
            text=True,
            timeout=config.timeout_ms / 1_000,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise ProviderFailed(f"{config.provider} did not answer: {error}") from error
    return done.stdout


@click.command(help=__doc__)
@click.option("--data-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("data"))
@click.option(
    "--strategy",
    type=click.Choice([one.value for one in RouteStrategy]),
    default=RouteStrategy.FALLBACK.value,
    show_default=True,
)
@click.option("--requests", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--environment", type=click.Choice(["prod", "staging", "dev"]), default="prod")
def main(data_dir: Path, strategy: str, requests: int, seed: int, environment: str) -> None:
    """Send the prompts in turn; print who answered and how long it took, as JSON."""
    where, began = EvalEnvironment(environment), now()
    with ready_store(load(data_dir=data_dir), make=True) as store:
        routing = SqlRoutingRepository(store)
        router = Router(
            lambda: routing.configs(where), routing, strategy=RouteStrategy(strategy), seed=seed
        )
        answers: dict[str, int] = {}
        unanswered = 0
        for place in range(requests):
            try:
                page = router.generate(PROMPTS[place % len(PROMPTS)], ask)
            except ProviderFailed:
                unanswered += 1
                continue
            name = page.rpartition("Made by ")[2].partition(".")[0]
            answers[name] = answers.get(name, 0) + 1
        with store.read() as connection:
            latencies = latency_by_provider(connection)
    told = {
        "strategy": strategy,
        "answeredBy": dict(sorted(answers.items())),
        "unanswered": unanswered,
        "seconds": round((now() - began).total_seconds(), 2),
        "latencyMs": {
            one.provider: {"measured": one.measured, "p50": one.p50_ms, "p95": one.p95_ms}
            for one in latencies
        },
    }
    click.echo(json.dumps(told, indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
