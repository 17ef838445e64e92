"""The apply protocol and the way back.

Preview, the hash before, the action, the hash after, the action again without a change; then the
bytes are kept, the status moves by an update that one of all workers wins, and only the winner
writes. Where any switch says no the outcome says what would have been done, and nothing else
changes. A worker that dies between status and bytes leaves a plan that `apply` finishes.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from helicarrier.canonical import JSONValue, sha256
from helicarrier.errors import (
    Conflict,
    ErrorCode,
    HelicarrierError,
    InputRejected,
    UsageError,
    VerificationFailed,
)
from helicarrier.resolution import gate, plans
from helicarrier.resolution.artifacts import Artifacts
from helicarrier.resolution.budgets import Amounts, Reservation
from helicarrier.resolution.decision_enums import Operation
from helicarrier.resolution.enums import ResolutionStatus, Syntax
from helicarrier.resolution.model import Artifact, artifact
from helicarrier.resolution.outcomes import (
    Outcome,
    blobs_of,
    decision_of,
    lost,
    outcome_json,
)
from helicarrier.resolution.policy import Policy
from helicarrier.resolution.preview import Step, preview
from helicarrier.resolution.records import Decision, Mismatch, Plan, RollbackBlob
from helicarrier.resolution.repository import MismatchRepository, PlanRepository, ReviewRepository
from helicarrier.resolution.switchboard import Switchboard
from helicarrier.times import utc_text

_APPLIED = ResolutionStatus.APPLIED


class Applier:
    """Applies plans to artefacts, and takes them back."""

    def __init__(
        self,
        *,
        plans: PlanRepository,
        mismatches: MismatchRepository,
        reviews: ReviewRepository,
        artifacts: Artifacts,
        switchboard: Switchboard,
        policy: Policy,
    ) -> None:
        """Args: repositories; artifacts; switchboard; the policy in force."""
        self._plans = plans
        self._mismatches = mismatches
        self._reviews = reviews
        self._artifacts = artifacts
        self._board = switchboard
        self._policy = policy

    def preview(self, plan: Plan) -> tuple[Step, ...]:
        """What a plan would do to the bytes as they are.

        Raises:
            HelicarrierError: it cannot be done; see `preview.preview`.
        """
        return preview(plan, self._sides(plan, self._mismatch(plan)))

    def apply(self, plan_id: str, *, actor: str, run_id: str, dry_run: bool = False) -> Outcome:
        """Apply a plan where everything allows it; otherwise write down what would have been done.

        Raises:
            Conflict: another worker applied it, or somebody changed what it was made for.
            HelicarrierError: it cannot be done.
        """
        now = self._board.edge.clock()
        plan = self._plans.get(plan_id)
        if plan.status is _APPLIED:
            return self._finish(plan, dry_run=dry_run)
        found = self._mismatch(plan)
        try:
            steps = preview(plan, self._sides(plan, found))
        except HelicarrierError as error:
            return self._told(plan, "failed", (error.message,), (), run_id, dry_run=dry_run)
        if slow := self._too_slow(plan, now):
            return self._told(plan, "failed", slow, steps, run_id, dry_run=dry_run)
        reasons = self._reasons(plan, found, now)
        if reasons:
            outcome = self._without_switches(plan, found, now)
            return self._told(plan, outcome, reasons, steps, run_id, dry_run=dry_run)
        if dry_run:
            return Outcome(plan=plan, outcome="would_apply", reasons=("dry run",), steps=steps)
        return self._do(plan, found, steps, actor=actor, run_id=run_id, now=now)

    def roll_back(self, plan_id: str, *, actor: str, reason: str, dry_run: bool = False) -> Plan:
        """Put back the bytes that a plan replaced. No switch stands in the way of this.

        Raises:
            Conflict: the plan is not applied, or the artefact has changed since.
            InputRejected: NOT_FOUND, the bytes are not kept any more.
            VerificationFailed: the bytes that are back are not those that were there.
        """
        begun = self._board.edge.clock()
        plan = self._plans.get(plan_id)
        if plan.status is ResolutionStatus.ROLLED_BACK:
            return plan
        if plan.status is not _APPLIED:
            raise Conflict(f"the plan {plan_id} is {plan.status}: there is nothing to take back")
        blobs = self._plans.blobs(plan_id)
        self._require_all(plan, blobs)
        for blob in blobs:
            self._require_unchanged(blob)
        if dry_run:
            return plan
        for blob in blobs:
            self._artifacts.write(blob.artifact_id, blob.content)
            if sha256(self._artifacts.read(blob.artifact_id)) != blob.before_hash:
                raise VerificationFailed(f"{blob.artifact_id} is not what it was before {plan_id}")
        now = self._board.edge.clock()
        allowed = timedelta(minutes=self._board.runtime(plan.environment).rollback.within_minutes)
        outcome: dict[str, JSONValue] = {
            **plan.outcome,
            "status": ResolutionStatus.ROLLED_BACK.value,
            "reason": reason,
            "rolled_back_at": utc_text(now),
            "rolled_back_in_time": now - begun <= allowed,
        }
        decision = self._decided(plan, "rolled_back", (reason,), now, actor=actor)
        self._plans.mark_rolled_back(plan_id, now)
        if not self._plans.take(
            plan,
            ResolutionStatus.ROLLED_BACK,
            outcome=outcome,
            applied_at=plan.applied_at,
            decision=decision,
        ):
            raise lost(plan_id)
        return self._plans.get(plan_id)

    def _do(
        self,
        plan: Plan,
        found: Mismatch,
        steps: tuple[Step, ...],
        *,
        actor: str,
        run_id: str,
        now: datetime,
    ) -> Outcome:
        # Breakers are judged by what is known now, not by what the last look at them found.
        self._board.judge_breakers(plan.environment, run_id=run_id)
        runtime = self._board.runtime(plan.environment)
        reservation = Reservation(
            reservation_id=f"{plan.plan_id}:{self._board.edge.new_id()}",
            environment=plan.environment,
            operation=Operation.RESOLVE,
            entity_id=plan.plan_id,
            amounts=Amounts(usd=runtime.budgets.resolve.usd, resolutions=1),
            at=now,
            run_id=run_id,
        )
        answer = self._board.budgets.reserve(reservation)
        if not answer.granted:
            reasons = (f"the budget is used up: {', '.join(answer.exhausted)}",)
            return self._told(plan, "refused", reasons, steps, run_id, dry_run=False)
        keep = timedelta(days=runtime.rollback.keep_days)
        for blob in blobs_of(plan, steps, now, keep):
            self._plans.keep(blob)
        # The last look: whatever was flipped while this worker was busy still counts.
        late = self._reasons(plan, found, self._board.edge.clock())
        taken = not late and self._plans.take(
            plan,
            _APPLIED,
            outcome=outcome_json("applied", (), steps, now, run_id),
            applied_at=now,
            decision=self._decided(plan, "applied", (), now, actor=actor),
        )
        if not taken:
            self._board.budgets.release(reservation.reservation_id, now=now)
            if late:
                return self._told(plan, "refused", late, steps, run_id, dry_run=False)
            raise lost(plan.plan_id)
        self._write(plan, steps)
        self._board.budgets.settle(reservation.reservation_id, Amounts(resolutions=1), now=now)
        done = self._plans.get(plan.plan_id)
        return Outcome(plan=done, outcome="applied", reasons=(), steps=steps)

    def _write(self, plan: Plan, steps: tuple[Step, ...]) -> None:
        last = {step.action.artifact_id: step.after for step in steps if step.changes}
        for artifact_id, content in last.items():
            self._artifacts.write(artifact_id, content)
            if self._artifacts.read(artifact_id) != content:
                raise VerificationFailed(
                    f"{artifact_id} is not what {plan.plan_id} wrote",
                    hint=f"`helicarrier resolution rollback {plan.plan_id}` puts the bytes back.",
                )

    def _finish(self, plan: Plan, *, dry_run: bool) -> Outcome:
        """A plan that was taken: where its worker died before writing, its bytes come now."""
        found = self._mismatch(plan)
        sides = self._sides(plan, found)
        ends = {one.artifact_id: one.after_hash for one in plan.actions if one.after_hash}
        if all(sides[name].content_hash == ending for name, ending in ends.items()):
            return Outcome(plan=plan, outcome="applied", reasons=(), steps=())
        switches = self._board.switches(plan.environment)
        if off := gate.switched_off(plan.environment, found.mismatch_type, switches):
            return Outcome(plan=plan, outcome="refused", reasons=off, steps=())
        steps = preview(plan, sides)
        if not dry_run:
            self._write(plan, steps)
        return Outcome(plan=plan, outcome="applied", reasons=(), steps=steps)

    def _told(
        self,
        plan: Plan,
        outcome: str,
        reasons: tuple[str, ...],
        steps: tuple[Step, ...],
        run_id: str,
        *,
        dry_run: bool,
    ) -> Outcome:
        """Write down what would have been done, and why it was not; the status stays."""
        if not dry_run:
            now = self._board.edge.clock()
            body = outcome_json(outcome, reasons, steps, now, run_id)

            def rule(there: Plan) -> Plan:
                late = plans.expired(there, now)
                return replace(there, outcome=body) if late is there else late

            plan = self._plans.change(plan.plan_id, rule)
            self._reviews.log(self._decided(plan, outcome, reasons, now, actor=f"run {run_id}"))
        return Outcome(plan=plan, outcome=outcome, reasons=reasons, steps=steps)

    def _too_slow(self, plan: Plan, begun: datetime) -> tuple[str, ...]:
        limit = self._board.runtime(plan.environment).budgets.resolve.milliseconds
        if self._board.edge.clock() - begun <= timedelta(milliseconds=limit):
            return ()
        return (f"its preview took longer than {limit} ms",)

    def _reasons(self, plan: Plan, found: Mismatch, now: datetime) -> tuple[str, ...]:
        switches = self._board.switches(plan.environment)
        return gate.refusals(plan, found.mismatch_type, self._policy, switches, now=now)

    def _without_switches(self, plan: Plan, found: Mismatch, now: datetime) -> str:
        """What would come of the plan if every switch were on."""
        why = gate.objections(plan, found.mismatch_type, self._policy, now=now)
        if not why:
            return "would_apply"
        return "waiting" if plan.status is ResolutionStatus.PROPOSED else "refused"

    def _mismatch(self, plan: Plan) -> Mismatch:
        found = self._mismatches.get(plan.mismatch_id)
        if found is None:
            raise UsageError(f"there is no mismatch {plan.mismatch_id}", code=ErrorCode.NOT_FOUND)
        return found

    def _sides(self, plan: Plan, found: Mismatch) -> dict[str, Artifact]:
        said = found.evidence.get("syntax")
        syntax = Syntax(said) if isinstance(said, str) else None
        return {
            one.artifact_id: artifact(
                one.artifact_id, self._artifacts.read(one.artifact_id), syntax
            )
            for one in plan.actions
        }

    def _require_all(self, plan: Plan, blobs: list[RollbackBlob]) -> None:
        changed = {one.artifact_id for one in plan.actions if one.before_hash != one.after_hash}
        if missing := sorted(changed - {blob.artifact_id for blob in blobs}):
            raise InputRejected(
                f"the bytes before {plan.plan_id} are not kept any more: {', '.join(missing)}",
                code=ErrorCode.NOT_FOUND,
                hint="Rollback data has its time; take the artefact from a backup.",
            )

    def _require_unchanged(self, blob: RollbackBlob) -> None:
        if sha256(self._artifacts.read(blob.artifact_id)) not in {
            blob.before_hash,
            blob.after_hash,
        }:
            raise Conflict(
                f"the artefact {blob.artifact_id} has changed since {blob.plan_id} was applied",
                hint="Putting the old bytes back would lose that change.",
            )

    def _decided(
        self, plan: Plan, outcome: str, reasons: tuple[str, ...], now: datetime, *, actor: str
    ) -> Decision:
        return decision_of(
            plan, outcome, reasons, now, actor=actor, decision_id=str(self._board.edge.new_id())
        )
