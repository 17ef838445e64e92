"""Small logs with everything in them that makes reading hard, one for each format."""

from tests.ingest import logs

CLAUDE = [
    {"type": "summary", "summary": "of no session yet", "leafUuid": "x"},
    logs.claude("file-history-snapshot", snapshot={"a": "\u00e9\U0001f600"}),
    logs.ask([{"type": "text", "text": "Mend the gauge\nplease \u00e9\U0001f600"}], 0),
    logs.answer("msg_1", 1, output=2, content=[{"type": "text", "text": "well"}]),
    logs.answer("msg_1", 2, output=30, content=[{"type": "tool_use", "id": "t1", "name": "Bash"}]),
    logs.ask([{"type": "tool_result", "tool_use_id": "t1", "is_error": True, "content": "no"}], 3),
    logs.progress("msg_2", 4, output=5),
    b"",
    b'{"type":"assistant","message":{"usage":{"input_tokens":5,',
    logs.progress("msg_2", 5, output=9),
    logs.line(logs.answer("msg_3", 6)) + logs.line(logs.ask("and then", 7)),
    b"   \r",
    logs.answer("msg_4", 8, request=None, isSidechain=True),
    logs.answer("msg_4", 9, request=None, tokens={"cache_creation_input_tokens": 40}),
    logs.answer(None, 10, model="<synthetic>", isApiErrorMessage=True, request=None),
    logs.line(logs.ask("[Request interrupted by user]", 11)) + b"\r",
    {"type": "custom-title", "sessionId": "s1", "customTitle": "Gauges"},
    logs.claude("system", 12, subtype="compact_boundary"),
    logs.answer("msg_1", 13, output=30),
]
CODEX = [
    logs.meta("c1", 0, forked_from_id="p1"),
    logs.meta("p1", 0),
    logs.turn("gpt-5.4"),
    logs.event("task_started", 1, turn_id="a"),
    logs.event("user_message", 1, message="Mend the gauge \u00e9\U0001f600"),
    logs.tokens(2, logs.counts(100, 40, 10, 4)),
    logs.tokens(2.5, logs.counts(100, 40, 10, 4)),
    logs.tokens(3, None),
    b"",
    b'{"timestamp":"2026-10-05T00:03:00.000Z","type":"event_msg","payl',
    logs.turn("gpt-5.5"),
    logs.event("agent_message", 4, message="done"),
    logs.event("agent_message", 4, message="done"),
    logs.codex("response_item", {"type": "function_call", "name": "shell", "call_id": "k"}, 5),
    logs.codex("response_item", {"type": "web_search_call"}, 5),
    logs.codex("response_item", {"type": "web_search_call"}, 6),
    logs.tokens(6, logs.counts(260, 140, 30, 8), logs.counts(160, 100, 20, 4)),
    logs.tokens(7, logs.counts(5, 9, 1)),
    logs.event("turn_aborted", 8, turn_id="a"),
]
NATIVE = [
    logs.v1(logs.run("a", promptTokens=5, completionTokens=2), logs.happened()),
    logs.v2(logs.run("b", title="\u00e9\U0001f600"), calls=[logs.call("1"), logs.call("2", 2)]),
    b"",
    logs.v1(logs.run("broken", state="dreaming")),
    logs.v2(logs.run("c"), timeline=[logs.happened(eventId="x"), logs.happened("error", 3)]),
]
SAMPLES = {"claude_code": CLAUDE, "codex": CODEX, "native": NATIVE}
