"""The apply protocol: who may, what happens to the bytes, and the way back."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from helicarrier.canonical import canonical_bytes, sha256
from helicarrier.errors import Conflict, HelicarrierError, InputRejected, RequestRefused
from helicarrier.notify.tables import notifications
from helicarrier.resolution import plans as rules
from helicarrier.resolution.budgets import Amounts
from helicarrier.resolution.decision_enums import ReviewVerdict
from helicarrier.resolution.enums import Environment, MismatchType, ResolutionStatus, SafetyLevel
from helicarrier.resolution.output_pairs import OutputPair, read_pairs
from helicarrier.resolution.records import Plan, Review
from helicarrier.resolution.runtime import KILL_SWITCH
from helicarrier.resolution.service import Resolution
from helicarrier.resolution.switchboard import Edge
from helicarrier.settings import Settings
from helicarrier.store.operational import OperationalStore
from tests.resolution.deciding import DAY, NOW, approval

SHIPPED = Path(__file__).parents[2] / "config" / "phase2_runtime.yaml"
BEFORE = b'{"b": 1,\r\n "a": [1, 2]}'
AFTER = b'{"a":[1,2],"b":1}'
DEV = Environment.DEV


@dataclass
class Desk:
    """Resolution over a store, with a clock, variables and a configuration that tests turn."""

    store: OperationalStore
    folder: Path
    now: datetime = NOW
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config = self.folder / "runtime.yaml"
        self.config.write_bytes(SHIPPED.read_bytes())
        ids = count(1)
        edge = Edge(
            environ=self.environ,
            clock=lambda: self.now,
            new_id=lambda: f"id-{next(ids)}",
        )
        self.settings = Settings(data_dir=self.folder, resolution_config=self.config)
        self.resolution = Resolution(self.settings, self.store, edge)

    def open(self, *edits: tuple[str, str]) -> None:
        """Let dev through, with more edits of the configuration."""
        text = SHIPPED.read_text(encoding="utf-8")
        for old, new in (("enabled: false", "enabled: true"), ("dev: shadow", "dev: true"), *edits):
            assert old in text
            text = text.replace(old, new, 1)
        self.config.write_text(text, encoding="utf-8")

    def plan(self, *lines: dict[str, object], environment: Environment = DEV) -> list[Plan]:
        """Store the mismatches and plans of pairs."""
        search = self.resolution.search(self.pairs(*lines), environment, run_id="run")
        self.resolution.keep(search)
        proposals = self.resolution.propose(search, environment, run_id="run")
        made = [one.plan for one in proposals if one.plan is not None]
        self.resolution.plans.save(made)
        return made

    def pairs(self, *lines: dict[str, object]) -> list[OutputPair]:
        """Pairs as a file holds them."""
        path = self.folder / "pairs.jsonl"
        path.write_bytes(b"\n".join(canonical_bytes(line) for line in lines))
        return read_pairs(path)

    def apply(self, plan: Plan) -> str:
        """Apply, and say what came of it."""
        found = self.resolution.applier().apply(plan.plan_id, actor="ada", run_id="run")
        return found.outcome

    def bytes_of(self, plan: Plan) -> bytes:
        """What is there now."""
        return self.resolution.artifacts.read(plan.actions[0].artifact_id)

    def status(self, plan: Plan) -> ResolutionStatus:
        """How the plan stands now."""
        return self.resolution.plans.get(plan.plan_id).status


def pair(name: str, golden: str, candidate: str, syntax: str = "json") -> dict[str, object]:
    """A line of a file of pairs."""
    return {
        "golden": {"artifact_id": f"{name}-golden", "content": golden, "syntax": syntax},
        "candidate": {"artifact_id": f"{name}-candidate", "content": candidate, "syntax": syntax},
    }


ORDERING = pair("ordering", '{"a": [1, 2], "b": 1}', BEFORE.decode())
MARKDOWN = pair("markdown", "# Title\n\n*word*\n", "Title\n=====\n\n_word_\n", "markdown")


@pytest.fixture
def desk(store: OperationalStore, tmp_path: Path) -> Desk:
    """Resolution as shipped."""
    return Desk(store, tmp_path)


@pytest.fixture
def plan(desk: Desk) -> Plan:
    """An automatic plan about key order."""
    (made,) = desk.plan(ORDERING)
    assert (made.safety_level, made.status) == (SafetyLevel.AUTOMATIC, ResolutionStatus.APPROVED)
    return made


def test_shadow_mode_writes_down_what_would_have_been_done(desk: Desk, plan: Plan) -> None:
    """As shipped: the bytes and the status stay."""
    assert desk.apply(plan) == "would_apply"
    assert desk.bytes_of(plan) == BEFORE
    stored = desk.resolution.plans.get(plan.plan_id)
    assert stored.status is ResolutionStatus.APPROVED
    assert stored.outcome["status"] == "would_apply"
    assert "auto_resolve.enabled is false" in str(stored.outcome["logs"])
    assert stored.outcome["artifacts"][0]["after_hash"] == sha256(AFTER)  # type: ignore[index, call-overload]
    (told,) = desk.resolution.reviews.decisions(plan.plan_id)
    assert told.data["outcome"] == "would_apply"


def test_applied_and_taken_back_to_the_byte(desk: Desk, plan: Plan) -> None:
    """Applying twice is applying once; what is back is what was there."""
    desk.open()
    for _ in range(2):
        assert desk.apply(plan) == "applied"
        assert desk.bytes_of(plan) == AFTER
    (blob,) = desk.resolution.plans.blobs(plan.plan_id)
    assert (blob.content, blob.expires_at) == (BEFORE, NOW + 30 * DAY)
    assert "+" + AFTER.decode() in blob.diff
    assert desk.resolution.board.budgets.used(DEV, NOW.date()) == Amounts(resolutions=1)
    applier = desk.resolution.applier()
    for _ in range(2):
        back = applier.roll_back(plan.plan_id, actor="ada", reason="no")
        assert back.status is ResolutionStatus.ROLLED_BACK
    assert desk.bytes_of(plan) == BEFORE
    assert back.outcome["rolled_back_in_time"] is True
    assert desk.apply(plan) == "refused"
    assert desk.bytes_of(plan) == BEFORE


def test_one_of_many_workers_applies(desk: Desk, plan: Plan) -> None:
    """The others learn that somebody else did, or find it done."""
    desk.open()

    def work(_: int) -> str:
        try:
            return desk.apply(plan)
        except Conflict:
            return "conflict"

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, range(6)))
    assert set(found) <= {"applied", "conflict"}
    done = desk.resolution.reviews.decisions(plan.plan_id)
    assert [one.data["outcome"] for one in done] == ["applied"]
    assert desk.bytes_of(plan) == AFTER
    assert desk.resolution.board.budgets.used(DEV, NOW.date()).resolutions == 1


def test_kill_switch_is_read_at_every_decision(desk: Desk, plan: Plan) -> None:
    """Flipped after planning, it stops; taken back, it lets go. Rolling back is never stopped."""
    desk.open()
    desk.environ[KILL_SWITCH] = "1"
    assert desk.apply(plan) == "would_apply"
    assert desk.bytes_of(plan) == BEFORE
    desk.environ.clear()
    assert desk.apply(plan) == "applied"
    desk.environ[KILL_SWITCH] = "1"
    desk.resolution.applier().roll_back(plan.plan_id, actor="ada", reason="no")
    assert desk.bytes_of(plan) == BEFORE


def test_artefact_that_changed_since_is_left_alone(desk: Desk, plan: Plan) -> None:
    """Before applying and before rolling back."""
    desk.open()
    name = plan.actions[0].artifact_id
    desk.resolution.artifacts.write(name, b"{}")
    assert desk.apply(plan) == "failed"
    assert desk.bytes_of(plan) == b"{}"
    desk.resolution.artifacts.write(name, BEFORE)
    assert desk.apply(plan) == "applied"
    desk.resolution.artifacts.write(name, b"{}")
    with pytest.raises(Conflict):
        desk.resolution.applier().roll_back(plan.plan_id, actor="ada", reason="no")
    assert desk.bytes_of(plan) == b"{}"


def test_worker_that_died_before_writing_is_finished_by_the_next(desk: Desk, plan: Plan) -> None:
    """The status was taken, the bytes are still the old ones."""
    desk.open()
    desk.apply(plan)
    desk.resolution.artifacts.write(plan.actions[0].artifact_id, BEFORE)
    desk.config.write_bytes(SHIPPED.read_bytes())
    assert desk.apply(plan) == "refused"
    assert desk.bytes_of(plan) == BEFORE
    desk.open()
    assert desk.apply(plan) == "applied"
    assert desk.bytes_of(plan) == AFTER


def test_rollback_data_has_its_time(desk: Desk, plan: Plan) -> None:
    """Thirty days; then a rollback says so and changes nothing."""
    desk.open()
    desk.apply(plan)
    desk.resolution.plans.drop_blobs(NOW + 30 * DAY)
    with pytest.raises(InputRejected):
        desk.resolution.applier().roll_back(plan.plan_id, actor="ada", reason="no")
    assert desk.bytes_of(plan) == AFTER


def test_advisory_plan_waits_for_its_person(desk: Desk) -> None:
    """And is rejected where nobody comes within a day."""
    desk.open()
    (made,) = desk.plan(MARKDOWN)
    assert made.safety_level is SafetyLevel.ADVISORY
    assert desk.apply(made) == "waiting"
    desk.resolution.plans.change(
        made.plan_id, lambda there: rules.with_approval(there, approval("ada"))
    )
    desk.now = NOW + DAY
    assert desk.apply(made) == "refused"
    assert desk.status(made) is ResolutionStatus.REJECTED
    assert desk.bytes_of(made) == b"Title\n=====\n\n_word_\n"


def test_approved_rewrite_keeps_the_html(desk: Desk) -> None:
    """Markdown in one form, as approved."""
    desk.open()
    (made,) = desk.plan(MARKDOWN)
    desk.resolution.plans.change(
        made.plan_id, lambda there: rules.with_approval(there, approval("ada"))
    )
    assert desk.apply(made) == "applied"
    assert desk.bytes_of(made) == b"# Title\n\n_word_\n"


def test_used_up_budget_refuses(desk: Desk, plan: Plan) -> None:
    """The bytes stay, and the plan can be applied another day."""
    desk.open(("resolutions: 1000", "resolutions: 0"))
    assert desk.apply(plan) == "refused"
    assert desk.bytes_of(plan) == BEFORE
    assert desk.status(plan) is ResolutionStatus.APPROVED


def test_people_are_told_of_a_budget_that_is_nearly_used(desk: Desk, plan: Plan) -> None:
    """One message in the outbox, in the transaction that used it."""
    desk.open(("resolutions: 1000", "resolutions: 1"))
    assert desk.apply(plan) == "applied"
    with desk.store.read() as connection:
        (told,) = connection.execute(select(notifications.c.subject, notifications.c.dedup_key))
    assert told.dedup_key == "resolution.budget:dev:2026-11-02:resolutions"
    assert "resolutions" in told.subject


def test_tripped_breaker_holds_shadow_mode(desk: Desk, plan: Plan) -> None:
    """Five failures in a row, and nothing is applied any more, in dev alone."""
    desk.open()
    desk.resolution.artifacts.write(plan.actions[0].artifact_id, b"{}")
    for _ in range(5):
        assert desk.apply(plan) == "failed"
    desk.resolution.board.judge_breakers(DEV, run_id="run")
    desk.resolution.artifacts.write(plan.actions[0].artifact_id, BEFORE)
    assert desk.apply(plan) == "would_apply"
    assert desk.bytes_of(plan) == BEFORE
    assert [one.value for one in desk.resolution.board.switches(DEV).tripped] == [
        "consecutive_failures"
    ]
    assert desk.resolution.board.switches(Environment.STAGE).tripped == ()


def test_breakers_are_judged_before_anything_is_written(desk: Desk, plan: Plan) -> None:
    """Three complaints stop the next application, also where nobody looked at them since."""
    desk.open()
    for user in ("ada", "grace", "joan"):
        desk.resolution.learn(
            Review(
                plan_id=plan.plan_id,
                verdict=ReviewVerdict.COMPLAINT,
                reviewer=user,
                reviewed_at=NOW,
            )
        )
    assert desk.apply(plan) == "refused"
    assert desk.bytes_of(plan) == BEFORE
    assert desk.status(plan) is ResolutionStatus.APPROVED
    assert desk.resolution.board.budgets.used(DEV, NOW.date()) == Amounts()


def test_analyses_take_their_budget_and_give_it_back(desk: Desk) -> None:
    """Ten cents for each begun 100 KB; what does not fit is refused before it is analyzed."""
    desk.open(("usd: 100,", "usd: 0.10,"))
    desk.plan(ORDERING)
    assert desk.resolution.board.budgets.used(DEV, NOW.date()) == Amounts()
    large = pair("large", f'"{"x" * 60_000}"', f'"{"x" * 60_000} "')
    with pytest.raises(RequestRefused):
        desk.plan(large)
    search = desk.resolution.search(desk.pairs(large), DEV, run_id="dry", dry_run=True)
    assert len(search.found) == 1


@pytest.mark.parametrize("environment", [Environment.STAGE, Environment.PROD])
def test_nothing_is_applied_outside_of_dev(desk: Desk, environment: Environment) -> None:
    """Also where dev is let through."""
    desk.open()
    (made,) = desk.plan(ORDERING, environment=environment)
    assert desk.apply(made) == "would_apply"
    assert desk.bytes_of(made) == BEFORE


@pytest.mark.parametrize(
    "line",
    [
        pair("value", '{"a": 1}', '{"a": 2}'),
        pair("text", "99.9% uptime", "99.5% uptime", "plain"),
        pair("secret", "no key", "key AKIAIOSFODNN7EXAMPLQ", "plain"),
    ],
    ids=["another value", "another number", "a secret"],
)
def test_what_is_not_equivalent_gets_no_plan(desk: Desk, line: dict[str, object]) -> None:
    """Nothing is planned, and the reason is told."""
    search = desk.resolution.search(desk.pairs(line), DEV, run_id="run")
    (proposal,) = desk.resolution.propose(search, DEV, run_id="run")
    assert proposal.plan is None
    assert proposal.refusals


def test_same_pairs_again_are_the_same_plans(desk: Desk, plan: Plan) -> None:
    """Mismatches, plans and artefacts are found again, not made again."""
    desk.open()
    desk.apply(plan)
    assert [one.plan_id for one in desk.plan(ORDERING)] == [plan.plan_id]
    assert desk.status(plan) is ResolutionStatus.APPLIED
    assert desk.bytes_of(plan) == AFTER
    assert len(desk.resolution.mismatches.find(mismatch_type=MismatchType.JSON_ORDERING)) == 1


def test_broken_pairs_are_refused_with_their_lines(desk: Desk) -> None:
    """A file is taken whole or not at all."""
    broken = {**ORDERING, "extra": 1}
    with pytest.raises(HelicarrierError) as error:
        desk.pairs(ORDERING, broken)
    assert [one.pointer for one in error.value.violations] == ["/2"]  # type: ignore[attr-defined]
    with pytest.raises(HelicarrierError):
        desk.pairs(ORDERING, pair("ordering", "{}", "[]"))
    with pytest.raises(InputRejected):
        read_pairs(desk.folder / "nothing.jsonl")
