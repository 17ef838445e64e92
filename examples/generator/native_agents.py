"""The small production agents of the native samples: models, timetable, tools and wording."""

from dataclasses import dataclass

from generator import native_texts

SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model and what its provider bills per token, in nano-dollars."""

    name: str
    provider: str
    input_nano: int
    output_nano: int
    reasons: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent: `calls` is the least and most calls of a run; texts may hold `{subject}`."""

    name: str
    label: str
    category: str
    worker: str
    version: str
    models: tuple[Model, ...]
    weekday_times: tuple[str, ...]
    weekend_times: tuple[str, ...]
    every: int
    calls: tuple[int, int]
    tools: tuple[str, ...]
    subjects: tuple[str, ...]
    title: str
    task: str
    artifact: str

    def times(self, day: int) -> tuple[str, ...]:
        """Return the start times on `day` (0 is a Monday); `every` n-th day only."""
        if day % self.every:
            return ()
        return self.weekend_times if day % 7 >= SATURDAY else self.weekday_times


HAIKU = Model(
    name="claude-haiku-4-5-20251001", provider="anthropic", input_nano=1_000, output_nano=5_000
)
SONNET = Model(
    name="claude-sonnet-4-5-20250929", provider="anthropic", input_nano=3_000, output_nano=15_000
)
OPUS = Model(
    name="claude-opus-4-5-20251101", provider="anthropic", input_nano=5_000, output_nano=25_000
)
GPT_MINI = Model(
    name="gpt-5.4-mini", provider="openai", input_nano=750, output_nano=4_500, reasons=True
)
FLASH = Model(
    name="gemini-2.5-flash", provider="google", input_nano=300, output_nano=2_500, reasons=True
)
PRO = Model(
    name="gemini-2.5-pro", provider="google", input_nano=1_250, output_nano=10_000, reasons=True
)

V1_AGENTS = (
    Agent(
        name="catalog-tagger",
        label="Catalog tagger",
        category="data-extraction",
        worker="catalog-worker",
        version="1.8.2",
        models=(FLASH, GPT_MINI),
        weekday_times=("05:40",),
        weekend_times=("07:10",),
        every=1,
        calls=(1, 4),
        tools=("catalog.read", "catalog.write", "image.describe"),
        subjects=native_texts.PRODUCTS,
        title="Tag product: {subject}",
        task="Give material, colour group and size class for: {subject}.",
        artifact="tags-{number}.json",
    ),
    Agent(
        name="meeting-notes",
        label="Meeting notes",
        category="summarization",
        worker="notes-worker",
        version="0.9.0",
        models=(HAIKU,),
        weekday_times=("16:05",),
        weekend_times=(),
        every=2,
        calls=(1, 3),
        tools=("transcript.read", "calendar.lookup"),
        subjects=native_texts.MEETINGS,
        title="Notes: {subject}",
        task="Write decisions and open points of the meeting: {subject}.",
        artifact="notes-{number}.md",
    ),
)

V2_AGENTS = (
    Agent(
        name="support-triage",
        label="Support triage",
        category="support",
        worker="triage-worker",
        version="2.4.1",
        models=(HAIKU, HAIKU, SONNET),
        weekday_times=("08:15", "13:50"),
        weekend_times=("10:30",),
        every=1,
        calls=(2, 4),
        tools=("ticket.read", "orders.lookup", "kb.search", "ticket.label"),
        subjects=native_texts.TICKETS,
        title="Ticket: {subject}",
        task="Sort this ticket, set its urgency and draft a first answer: {subject}.",
        artifact="draft-{number}.md",
    ),
    Agent(
        name="invoice-extractor",
        label="Invoice extractor",
        category="data-extraction",
        worker="invoice-worker",
        version="3.0.5",
        models=(PRO, GPT_MINI),
        weekday_times=("06:20",),
        weekend_times=("06:20",),
        every=1,
        calls=(2, 5),
        tools=("document.ocr", "supplier.lookup", "ledger.draft"),
        subjects=native_texts.SUPPLIERS,
        title="Invoice from {subject}",
        task="Extract supplier, lines, taxes and total from the invoice of {subject}.",
        artifact="invoice-{number}.json",
    ),
    Agent(
        name="contract-reviewer",
        label="Contract reviewer",
        category="review",
        worker="contract-worker",
        version="1.1.0",
        models=(OPUS,),
        weekday_times=("11:25",),
        weekend_times=(),
        every=2,
        calls=(5, 12),
        tools=("document.read", "clause.search", "clause.compare"),
        subjects=native_texts.CONTRACTS,
        title="Review: {subject}",
        task="Compare with our standard clauses and list what departs from them: {subject}.",
        artifact="review-{number}.md",
    ),
)
