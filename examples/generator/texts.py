"""The words of the samples: projects, tasks, remarks and tool steps of coding agents.

All of it is invented for these samples. A task is what somebody asks for; a step is one tool
call with what came back. Steps are templates over a project's files, so that the same few
lines give sessions that read differently.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A checkout that agents work in: `files` are paths below `/home/dev/src/<name>`.

    `symbol` is what they look for in it and `excerpt` two lines that they read.
    """

    name: str
    branch: str
    files: tuple[str, ...]
    symbol: str
    excerpt: str
    test_command: str

    @property
    def cwd(self) -> str:
        """The absolute folder of the checkout."""
        return f"/home/dev/src/{self.name}"

    @property
    def slug(self) -> str:
        """The folder name that Claude Code derives from the checkout's path."""
        return self.cwd.replace("/", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A title, the first prompt, and the prompts of the turns after it."""

    title: str
    prompt: str
    more: tuple[str, ...] = ("Good. Run the whole suite once more and sum up what changed.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A tool call: `value` goes under `key` of its input; `{file}` and the like are filled in."""

    tool: str
    key: str
    value: str
    result: str
    failure: str


ORDERDESK = Project(
    name="orderdesk",
    branch="main",
    files=(
        "orderdesk/refunds.py",
        "orderdesk/tax.py",
        "orderdesk/api/orders.py",
        "tests/test_tax.py",
    ),
    symbol="round_total",
    excerpt="   41      # half a cent goes to the customer\n   42      return total",
    test_command="pytest -q tests",
)
METERFLOW = Project(
    name="meterflow",
    branch="ingest-retry",
    files=("src/reader.rs", "src/window.rs", "src/sink/parquet.rs", "tests/windows.rs"),
    symbol="close_window",
    excerpt="   88  // the boundary belongs to the earlier window\n   89  self.flush(end)?;",
    test_command="cargo test --quiet",
)
FIELDNOTES = Project(
    name="fieldnotes",
    branch="main",
    files=("content/guide/setup.md", "scripts/check_links.py", "layouts/base.html", "site.toml"),
    symbol="last_checked",
    excerpt="   12  ## Before you start\n   13  You need an account and ten minutes.",
    test_command="make check",
)
PARCEL = Project(
    name="parcel-router",
    branch="zones-v2",
    files=("router/zones.go", "router/quote.go", "cmd/routerd/main.go", "router/zones_test.go"),
    symbol="zoneFor",
    excerpt="   57  // zones overlap on purpose, the newest wins\n   58  return zones[0]",
    test_command="go test ./...",
)

REFUNDS = Task(
    title="Round refunds per line, not per order",
    prompt=(
        "A refund of three items at 3.33 comes out one cent short. Find where we round and fix "
        "it with a test."
    ),
    more=(
        "Do the same for partial refunds, and keep the old behaviour for orders before October.",
    ),
)
WINDOWS = Task(
    title="Late readings fall out of the hourly window",
    prompt=(
        "Readings that arrive up to ten minutes late are dropped. Keep the window open and show "
        "me the diff first."
    ),
)
SETUP_GUIDE = Task(
    title="Setup guide misses the proxy step",
    prompt="Two people got stuck behind the office proxy. Add a short section to the setup guide.",
)
ZONES = Task(
    title="Load delivery zones from the new table",
    prompt=(
        "Zones now live in zone_v2 with a valid_from column. Switch the loader and survey who "
        "else reads the old table."
    ),
)
PAGING = Task(
    title="Cursor paging for GET /orders",
    prompt=(
        "Offset paging is slow past page 200. Use a cursor on (created_at, id) and keep the old "
        "parameters working."
    ),
    more=("The client team wants next_cursor to be opaque. Encode it, please.",),
)
PARQUET = Task(
    title="Parquet sink leaves empty files behind",
    prompt=(
        "When a batch is empty we still write a file of 4 bytes. Skip it and clean up what is "
        "there."
    ),
)
QUOTES = Task(
    title="Quote cache returns prices of yesterday",
    prompt=(
        "After midnight the first quotes still carry the old tariff. Find out why; do not "
        "change the cache size."
    ),
    more=("Continue from yesterday: write the regression test and remove the debug output.",),
)
LINKS = Task(
    title="Link checker reports redirects as broken",
    prompt="The nightly link check fails on permanent redirects. Follow up to three and only warn.",
)
HEADINGS = Task(
    title="Sort headings in the glossary",
    prompt="The glossary is not in order any more. Sort it and add a check so it stays sorted.",
)
TAX = Task(
    title="Move tax rules out of the order module",
    prompt=(
        "Tax rules are spread over five functions. Move them into one module without changing a "
        "single total."
    ),
    more=(
        "Two snapshot tests differ in the third decimal. Explain why before you touch them.",
        "Agreed. Update the snapshots and write down the rule in the module docstring.",
    ),
)
BACKFILL = Task(
    title="Backfill September readings",
    prompt=(
        "Meter 4410 to 4460 miss three days in September. Write a backfill that can be stopped "
        "and started again."
    ),
)
GRPC = Task(
    title="Deadline on the carrier client",
    prompt=(
        "Calls to the carrier hang for minutes. Put a deadline on them and make it configurable."
    ),
)
WEBHOOKS = Task(
    title="Retry failed webhooks with a delay",
    prompt=(
        "A webhook that fails is lost. Retry five times with a growing delay and record each "
        "attempt."
    ),
)
SEARCH_PAGE = Task(
    title="Search page without scripts",
    prompt="The search page is blank when scripts are off. Render the last index as a plain list.",
)
RENAME = Task(
    title="Rename carrier codes",
    prompt=(
        "Carrier codes changed from two letters to four. Rename them everywhere and list what "
        "you could not decide."
    ),
)
EXPORT = Task(
    title="CSV export loses leading zeros",
    prompt=(
        "Customer numbers lose their leading zeros in the export. Fix the export, not the import."
    ),
    more=("The accounting people open it in a spreadsheet. Does it survive that too?",),
)
METRICS = Task(
    title="Counter for dropped readings",
    prompt="We drop readings with a bad checksum and nobody sees it. Count them by meter model.",
)
TYPOS = Task(
    title="Typos in the October notes", prompt="Fix the typos in the October notes, nothing else."
)

LOOKING = (
    "I'll look at where this is decided before I change anything.",
    "The value is computed in two places, and they disagree.",
    "Let me check what else reads this.",
    "The history may say why it is done this way.",
    "This is the only caller outside the tests.",
)
CHANGING = (
    "That confirms it. A small change in one function is enough.",
    "I'll write the failing test first.",
    "The test fails for the expected reason, so now the fix.",
    "One caller depends on the old order. I'll keep it.",
    "This needs a narrower condition than I first thought.",
    "Green. One more look at the diff.",
    "I'd rather keep the signature and change the body only.",
)
SUMMARIES = (
    "Done. One function changed, one test added, and the suite passes.",
    "Fixed. The cause was an off-by-one at the boundary; a regression test covers it now.",
    "The change is in place. I left the public interface as it was and noted the edge case.",
    "Finished. Two files changed; nothing else reads the old value.",
    "That is all of it. The one thing left to decide is listed at the end of the diff.",
)
THOUGHTS = (
    "The report says the last item, so the boundary is the first suspect.",
    "Both paths share the helper; changing it would reach further than asked.",
    "The test data never covers a month change. Worth adding.",
    "I should confirm the order of the calls before moving this.",
)
SURVEYS = (
    "List every place that reads the old table, with file and line.",
    "Find all callers of the loader and say which of them run in production.",
)

EXPLORE = (
    Step(
        tool="Read",
        key="file_path",
        value="{cwd}/{file}",
        result="{excerpt}",
        failure="File does not exist.",
    ),
    Step(
        tool="Grep",
        key="pattern",
        value="{symbol}",
        result="{file}:42\n{file}:117\n{file}:203",
        failure="Invalid pattern: unclosed group",
    ),
    Step(
        tool="Glob",
        key="pattern",
        value="**/*{file}",
        result="{cwd}/{file}",
        failure="No files found",
    ),
    Step(
        tool="Bash",
        key="command",
        value="git log --oneline -5 -- {file}",
        result="4f1c2aa keep the boundary\n9be0713 split the loader\n02d77e5 first version",
        failure="fatal: ambiguous argument: unknown revision",
    ),
)
CHANGE = (
    Step(
        tool="Edit",
        key="file_path",
        value="{cwd}/{file}",
        result="The file {file} has been updated.",
        failure="The text to replace was not found in the file.",
    ),
    Step(
        tool="Bash",
        key="command",
        value="{test}",
        result="all checks passed (38 run, 0 failed)",
        failure="1 of 38 failed: boundary_belongs_to_earlier_interval",
    ),
    Step(
        tool="Write",
        key="file_path",
        value="{cwd}/{file}",
        result="File written: {file}",
        failure="The file was changed since it was read.",
    ),
    Step(
        tool="Bash",
        key="command",
        value="git diff --stat",
        result=" {file} | 12 +++++++-----\n 1 file changed",
        failure="fatal: index file is locked",
    ),
)
