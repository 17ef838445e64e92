"""The area as one: find mismatches in a file of pairs, plan, and try, over one store.

What the command line and Dagster both do stands here once. Every step can be done again: the same
pairs give the same mismatches and the same plans, and a try that changes nothing only says so.
"""

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from helicarrier import times
from helicarrier.errors import ErrorCode, RequestRefused
from helicarrier.ledger.tables import session_ledger
from helicarrier.notify.model import Channel
from helicarrier.resolution.agreement import Agreement
from helicarrier.resolution.alarms import budget_alarm
from helicarrier.resolution.analysis_run import Analyzed, results
from helicarrier.resolution.applying import Applier
from helicarrier.resolution.artifacts import FolderArtifacts
from helicarrier.resolution.budgets import Amounts, Reservation
from helicarrier.resolution.decision_enums import DecisionType, Operation, ReviewVerdict
from helicarrier.resolution.detector import Classified, classify
from helicarrier.resolution.enums import Environment, MismatchStatus
from helicarrier.resolution.learning import (
    EmbeddingProvider,
    embedding_of,
    pattern_id,
    signature_of,
)
from helicarrier.resolution.manifest import RunManifest, surroundings, write
from helicarrier.resolution.measuring import AGREEMENT
from helicarrier.resolution.output_pairs import OutputPair
from helicarrier.resolution.planning import Context, Proposal, mismatch_of, propose
from helicarrier.resolution.records import Decision, Mismatch, Review
from helicarrier.resolution.sql_documents import SqlDocuments
from helicarrier.resolution.sql_mismatches import SqlMismatchRepository, SqlReviewRepository
from helicarrier.resolution.sql_patterns import SqlPatterns
from helicarrier.resolution.sql_plans import SqlPlanRepository
from helicarrier.resolution.switchboard import Edge, Switchboard
from helicarrier.settings import Settings
from helicarrier.store.code_ref import code_ref
from helicarrier.store.operational import OperationalStore

_BUDGET_BYTES = 100_000
_SLOW = ("ANALYSIS_SLOW", "the analysis took longer than its budget; its answer is not used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A pair that differs, what it is, and its mismatch."""

    pair: OutputPair
    classified: Classified
    mismatch: Mismatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a file of pairs holds; `unknown_sessions` are named in it and not in the ledger."""

    analyzed: tuple[Analyzed, ...]
    found: tuple[Found, ...]
    unknown_sessions: tuple[str, ...]

    @property
    def pairs(self) -> int:
        """How many there are."""
        return len(self.analyzed)

    @property
    def equal(self) -> int:
        """Those whose bytes are equal."""
        return len(self.analyzed) - len(self.found)


def edge(clock: Callable[[], datetime] = times.now) -> Edge:
    """The outside of this process."""
    return Edge(environ=os.environ, clock=clock, new_id=uuid.uuid4)


class Resolution:
    """Everything of the area over one store."""

    def __init__(self, settings: Settings, store: OperationalStore, outside: Edge) -> None:
        """Args: settings; a store at the newest schema; outside."""
        channels = [Channel(name) for name in settings.notification_channels]
        alarm = budget_alarm(channels, clock=outside.clock, new_id=outside.new_id)
        self.mismatches = SqlMismatchRepository(store)
        self.plans = SqlPlanRepository(store)
        self.reviews = SqlReviewRepository(store)
        self.documents = SqlDocuments(store)
        self._folder = settings.data_dir / "resolution"
        self.artifacts = FolderArtifacts(self._folder / "artifacts")
        self.board = Switchboard(store, settings.resolution_config_path, outside, alarm=alarm)
        self._store = store
        self.patterns = SqlPatterns(store)
        self._clock = outside.clock
        self._new_id = outside.new_id

    def search(
        self,
        pairs: Sequence[OutputPair],
        environment: Environment,
        *,
        run_id: str,
        dry_run: bool = False,
    ) -> Search:
        """The mismatches of pairs, not stored yet.

        What analyzing them may cost is set aside first, and given back: no model is asked.

        Raises:
            RequestRefused: RATE_LIMITED, the day's budget has no room for them.
        """
        if not dry_run:
            self._afford(pairs, environment, run_id)
        known = self._known_sessions(pairs)
        named = {name for pair in pairs for name in _sessions(pair)}
        limit = self.board.runtime(environment).budgets.analyze.milliseconds
        found, analyzed = [], []
        for pair in pairs:
            begun = time.perf_counter_ns()
            classified = classify(pair.golden, pair.candidate)
            took = (time.perf_counter_ns() - begun) // 1_000_000
            analyzed.append(Analyzed(pair=pair, classified=classified))
            if classified is None:
                continue
            made = mismatch_of(
                pair,
                classified,
                run_id=run_id,
                now=self._clock(),
                latency_ms=took,
                linked=[name for name in _sessions(pair) if name in known],
            )
            found.append(
                Found(
                    pair=pair,
                    classified=classified,
                    mismatch=too_slow(made) if took > limit else made,
                )
            )
        return Search(
            analyzed=tuple(analyzed),
            found=tuple(found),
            unknown_sessions=tuple(sorted(named - known)),
        )

    def write_manifest(
        self, search: Search, environment: Environment, *, run_id: str, started_at: datetime
    ) -> Path:
        """Write the manifest of a run over pairs, validated; returns where."""
        file = self._folder / run_id / "manifest.json"
        manifest = RunManifest(
            run_id=UUID(run_id),
            environment=surroundings(code_ref()),
            budgets=self.board.runtime(environment).budgets,
            artifacts=[
                side for one in search.analyzed for side in (one.pair.golden, one.pair.candidate)
            ],
            results=results(search.analyzed),
            started_at=started_at,
            ended_at=self._clock(),
            metadata={"environment": environment.value},
        )
        write(manifest, file)
        return file

    def keep(self, search: Search) -> int:
        """Store mismatches and candidates; returns how many mismatches are new."""
        for one in search.found:
            self.artifacts.add(one.pair.candidate.artifact_id, one.pair.candidate.content)
        return self.mismatches.save([one.mismatch for one in search.found])

    def propose(self, search: Search, environment: Environment, *, run_id: str) -> list[Proposal]:
        """The plan for each mismatch in an environment, or why there is none; not stored yet."""
        hours = self.board.runtime(environment).approvals.timeout_hours
        context = Context(
            policy=self.documents.active_policy(),
            criteria=self.documents.criteria(),
            environment=environment,
            approval_time=timedelta(hours=hours),
            run_id=run_id,
            now=self._clock(),
        )
        return [
            propose(one.mismatch, one.pair.candidate, one.classified.deciding, context)
            for one in search.found
        ]

    def keep_agreement(self, found: Agreement, *, run_id: str) -> None:
        """Write down how far raters agree: breakers and production go by the newest of these."""
        lows = [end for end in (found.percentile.low, found.bca.low) if end is not None]
        self.reviews.log(
            Decision(
                decision_id=str(self._new_id()),
                decision_type=DecisionType.ANALYSIS,
                entity_id=AGREEMENT,
                data={
                    "kappa": found.kappa,
                    "ci_lower": min(lows) if lows else None,
                    "gate_open": found.gate_open,
                    "items": found.items,
                    "reason": found.reason,
                    "run_id": run_id,
                },
                at=self._clock(),
            )
        )

    def learn(self, review: Review, provider: EmbeddingProvider | None = None) -> bool:
        """Store a review, and count it for the pattern of its mismatch; False where it was there.

        Args: review; provider of embeddings, where one is configured.

        Raises:
            UsageError: NOT_FOUND, there is no such plan.
        """
        if not self.reviews.add(review):
            return False
        found = self.mismatches.get(self.plans.get(review.plan_id).mismatch_id)
        if found is None or review.verdict is ReviewVerdict.COMPLAINT:
            return True
        held = review.verdict is ReviewVerdict.CORRECT
        signature = signature_of(found)
        self.patterns.learn(
            found,
            held=held,
            embedding=embedding_of(provider, signature),
            now=review.reviewed_at,
            decision=Decision(
                decision_id=str(self._new_id()),
                decision_type=DecisionType.LEARNING,
                entity_id=pattern_id(found.mismatch_type, signature),
                data={"plan_id": review.plan_id, "held": held, "reviewer": review.reviewer},
                at=review.reviewed_at,
            ),
        )
        return True

    def applier(self) -> Applier:
        """Applies plans by the policy in force now."""
        return Applier(
            plans=self.plans,
            mismatches=self.mismatches,
            reviews=self.reviews,
            artifacts=self.artifacts,
            switchboard=self.board,
            policy=self.documents.active_policy(),
        )

    def _afford(self, pairs: Sequence[OutputPair], environment: Environment, run_id: str) -> None:
        rate = self.board.runtime(environment).budgets.analyze.usd_per_100_kb
        sizes = (len(one.golden.content) + len(one.candidate.content) for one in pairs)
        reservation = Reservation(
            reservation_id=f"analyze:{run_id}:{self._new_id()}",
            environment=environment,
            operation=Operation.ANALYZE,
            entity_id=run_id,
            amounts=Amounts(usd=rate * -(-sum(sizes) // _BUDGET_BYTES)),
            at=self._clock(),
            run_id=run_id,
        )
        answer = self.board.budgets.reserve(reservation)
        if not answer.granted:
            raise RequestRefused(
                429,
                ErrorCode.RATE_LIMITED,
                f"the budget of {environment} for today is used up: {', '.join(answer.exhausted)}",
            )
        self.board.budgets.settle(reservation.reservation_id, Amounts(), now=self._clock())

    def _known_sessions(self, pairs: Sequence[OutputPair]) -> set[str]:
        names = sorted({name for pair in pairs for name in _sessions(pair)})
        column = session_ledger.c.session_id
        known: set[str] = set()
        with self._store.read() as connection:
            for start in range(0, len(names), 500):
                query = select(column).where(column.in_(names[start : start + 500]))
                known.update(connection.execute(query).scalars())
        return known


def too_slow(found: Mismatch) -> Mismatch:
    """The mismatch of an analysis that took longer than it may: nothing follows from it."""
    code, message = _SLOW
    return replace(
        found,
        status=MismatchStatus.ERROR,
        confidence=None,
        error_code=code,
        error_message=message,
    )


def summary(search: Search) -> Mapping[str, int]:
    """Mismatches by type."""
    counts: dict[str, int] = {}
    for one in search.found:
        kind = one.mismatch.mismatch_type.value
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items()))


def _sessions(pair: OutputPair) -> list[str]:
    return [name for name in (pair.golden_session, pair.candidate_session) if name is not None]
