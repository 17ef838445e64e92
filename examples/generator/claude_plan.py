"""Which Claude Code sessions the samples hold: one line of intent per session.

The timetable and the defects are fixed, so that every seed exercises the same things; the
seed decides tokens, ids, times between calls and the choice of words. Days 5, 6, 12 and 13
are weekends.
"""

from dataclasses import dataclass
from typing import Literal

from generator import texts
from generator.texts import Project, Task

OPUS_4 = "claude-opus-4-5-20251101"
SONNET_4 = "claude-sonnet-4-5-20250929"
HAIKU = "claude-haiku-4-5-20251001"
OPUS = "claude-opus-5"
SONNET = "claude-sonnet-5"
UNKNOWN = "claude-experimental-x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One session: `turns` is the number of calls after each prompt, `models` one per turn.

    `partial`: answers are logged while they stream. `terse`: one row a call, so that no call
    stands on two days of a session that crosses midnight. `subagent`: where a sub-agent's calls
    are logged. `resumes`: the task whose session this one continues and repeats. `flaw`:
    what is physically wrong with the file.
    """

    day: int
    time: str
    project: Project
    task: Task
    models: tuple[str, ...]
    turns: tuple[int, ...]
    cache: Literal["5m", "1h", "both"] = "1h"
    partial: bool = False
    terse: bool = False
    subagent: Literal["progress", "file"] | None = None
    titled: bool = False
    ending: Literal["done", "api_error", "interrupted"] = "done"
    resumes: Task | None = None
    flaw: Literal["broken_line", "joined_lines"] | None = None


PLANS = (
    Plan(
        day=0, time="09:08", project=texts.ORDERDESK, task=texts.REFUNDS,
        models=(OPUS_4, OPUS_4), turns=(11, 5), cache="5m", partial=True,
    ),
    Plan(
        day=0, time="14:31", project=texts.METERFLOW, task=texts.WINDOWS,
        models=(SONNET,), turns=(8,),
    ),
    Plan(
        day=1, time="08:47", project=texts.FIELDNOTES, task=texts.SETUP_GUIDE,
        models=(HAIKU,), turns=(5,), cache="5m",
    ),
    Plan(
        day=1, time="13:20", project=texts.PARCEL, task=texts.ZONES,
        models=(OPUS,), turns=(14,), subagent="progress",
    ),
    Plan(
        day=2, time="09:55", project=texts.ORDERDESK, task=texts.PAGING,
        models=(SONNET_4, SONNET_4), turns=(7, 5), partial=True, titled=True,
    ),
    Plan(
        day=2, time="16:02", project=texts.METERFLOW, task=texts.PARQUET,
        models=(OPUS,), turns=(6,), ending="api_error",
    ),
    Plan(
        day=3, time="10:11", project=texts.PARCEL, task=texts.QUOTES,
        models=(SONNET_4,), turns=(9,), cache="5m", partial=True,
    ),
    Plan(
        day=4, time="09:03", project=texts.PARCEL, task=texts.QUOTES,
        models=(SONNET_4,), turns=(6,), cache="5m", partial=True, resumes=texts.QUOTES,
    ),
    Plan(
        day=4, time="15:40", project=texts.FIELDNOTES, task=texts.LINKS,
        models=(UNKNOWN,), turns=(6,),
    ),
    Plan(
        day=5, time="11:15", project=texts.FIELDNOTES, task=texts.HEADINGS,
        models=(HAIKU,), turns=(5,),
    ),
    Plan(
        day=7, time="09:20", project=texts.ORDERDESK, task=texts.TAX,
        models=(OPUS, OPUS, OPUS), turns=(22, 10, 6), titled=True,
    ),
    Plan(
        day=7, time="23:58", project=texts.METERFLOW, task=texts.BACKFILL,
        models=(SONNET,), turns=(9,), terse=True,
    ),
    Plan(
        day=8, time="10:30", project=texts.PARCEL, task=texts.GRPC,
        models=(OPUS,), turns=(8,), subagent="file",
    ),
    Plan(
        day=9, time="09:12", project=texts.ORDERDESK, task=texts.WEBHOOKS,
        models=(SONNET_4,), turns=(10,), partial=True, flaw="broken_line",
    ),
    Plan(
        day=9, time="14:50", project=texts.FIELDNOTES, task=texts.SEARCH_PAGE,
        models=(HAIKU,), turns=(7,), flaw="joined_lines",
    ),
    Plan(
        day=10, time="11:05", project=texts.PARCEL, task=texts.RENAME,
        models=(OPUS_4,), turns=(5,), ending="interrupted",
    ),
    Plan(
        day=11, time="09:40", project=texts.ORDERDESK, task=texts.EXPORT,
        models=(SONNET, OPUS), turns=(6, 5), titled=True,
    ),
    Plan(
        day=11, time="15:25", project=texts.METERFLOW, task=texts.METRICS,
        models=(SONNET_4,), turns=(8,), cache="both",
    ),
    Plan(
        day=13, time="17:10", project=texts.FIELDNOTES, task=texts.TYPOS,
        models=(HAIKU,), turns=(5,), cache="5m",
    ),
)  # fmt: skip
