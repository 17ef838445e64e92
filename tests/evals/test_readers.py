"""Readers take a file whole or refuse it with every place that is wrong."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from helicarrier.errors import ErrorCode, InputRejected
from helicarrier.evals import samples
from helicarrier.evals.catalog import OUTCOMES
from helicarrier.evals.enums import RouteStrategy
from helicarrier.evals.readers.registry import FORMATS, read_file
from tests.evals.making import record

GOOD = {"record_id": "a", **dict.fromkeys(OUTCOMES, True)}
EXAMPLES = Path(__file__).parents[2] / "examples" / "evals"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes JSON Lines, one for each argument; texts and bytes as they are."""

    def lines(*values: object, name: str = "in.jsonl") -> Path:
        path = tmp_path / name
        raw = [
            value if isinstance(value, bytes) else json.dumps(value).encode() for value in values
        ]
        path.write_bytes(b"".join(line + b"\n" for line in raw))
        return path

    return lines


def refusal(path: Path, **options: object) -> str:
    """What the refusal of a file says."""
    with pytest.raises(InputRejected) as refused:
        read_file(path, **options)
    assert refused.value.exit_code == 4
    return refused.value.message


def test_record_comes_as_it_was_written(write: Write) -> None:
    """Every field, and nothing else; a null says as little as a field that is left out."""
    whole = record(
        1,
        route_strategy=RouteStrategy.WEIGHTED,
        request_id="0b8f4c1e-7a43-4b51-9a36-0c8e1a7f2d11",
        slices={"locale": "de"},
        tenant_id="t",
        item_id="q1",
    )
    bare = GOOD | {"latency_ms": None, "fallback_used": None}
    read = read_file(write(samples.as_json(whole), bare))
    assert read[0] == whole
    assert (read[1].latency_ms, read[1].fallback_used, read[1].slices) == (None, None, {})


def test_empty_file_holds_no_records(write: Write) -> None:
    """That is for the gates to judge: it is no pass."""
    assert read_file(write()) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({k: v for k, v in GOOD.items() if k != "schema_valid"}, "schema_valid is missing"),
        (GOOD | {"schema_valid": "yes"}, "schema_valid: expected `bool`, got `str`"),
        (GOOD | {"schema_valid": 1}, "schema_valid: expected `bool`, got `int`"),
        (GOOD | {"patch_apply_success": None}, "patch_apply_success: expected `bool`, got `null`"),
        (GOOD | {"latency_ms": -1}, "latency_ms: expected `int` >= 0"),
        (GOOD | {"latency_ms": 1.5}, "latency_ms: expected `int | null`, got `float`"),
        (GOOD | {"latency_ms": True}, "latency_ms: expected `int | null`, got `bool`"),
        (GOOD | {"colour": "red"}, "there is no field colour"),
        (GOOD | {"a b<script>": 1}, "there is no field of an odd name"),
        (GOOD | {"record_id": ""}, "record_id: expected `str` of length >= 1"),
        (GOOD | {"route_strategy": "luck"}, "route_strategy: the value is not one of those"),
        (GOOD | {"request_id": "17"}, "request_id: invalid UUID"),
        (GOOD | {"slices": {"Locale": "de"}}, "a slice label is not a new name in lower case"),
        (GOOD | {"slices": {"model_id": "x"}}, "a slice label is not a new name in lower case"),
        (GOOD | {"slices": {"locale": 1}}, "slices: expected `str`, got `int`"),
        (["a"], "the line is not an object"),
        (b"{", "the body is not one JSON document"),
        (b"", "the line is empty"),
        (b'{"record_id": "\xff"}', "the body is not UTF-8"),
        (b'{"record_id": "a", "record_id": "b"}', "an object has a key twice"),
        (b'{"latency_ms": NaN}', "NaN and Infinity are not JSON"),
        (GOOD | {"record_id": "first"}, "the record_id is that of line 1"),
    ],
)
def test_broken_line_is_named_with_its_reason(write: Write, line: object, reason: str) -> None:
    """The second line is wrong, the first and third are not; nothing is taken."""
    message = refusal(write(GOOD | {"record_id": "first"}, line, GOOD | {"record_id": "last"}))
    assert "1 problem: line 2: " in message
    assert reason in message


def test_all_broken_lines_are_named_in_order(write: Write) -> None:
    """Up to twenty, and the number of the others."""
    path = write(*([b"{"] * 25))
    message = refusal(path)
    assert "25 problems: line 1: " in message
    assert "line 20: " in message
    assert "line 21: " not in message
    assert message.endswith("and 5 more")
    assert message == refusal(path)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    """And so is a folder."""
    assert "No such file" in refusal(tmp_path / "nowhere.jsonl")
    assert "cannot be read" in refusal(tmp_path)


def test_unknown_format_is_an_error(write: Write) -> None:
    """The hint lists the formats."""
    with pytest.raises(InputRejected) as refused:
        read_file(write(b"record_id,schema_valid"))
    assert refused.value.code is ErrorCode.UNKNOWN_FORMAT
    assert all(name in refused.value.hint for name in FORMATS)


def inspect_log(*scores: dict[str, Any], **changes: object) -> dict[str, Any]:
    """A log with one sample for each set of scores."""
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "t", "model": "openai/gpt-4o"},
        "results": {"total_samples": len(scores), "scores": [{"metrics": {"stderr": 0.0}}]},
        "samples": [
            {
                "id": n,
                "epoch": 1,
                "scores": {name: {"value": value} for name, value in found.items()},
                "total_time": 1.2345,
            }
            for n, found in enumerate(scores, start=1)
        ],
    } | changes


ALL_CORRECT: dict[str, Any] = dict.fromkeys(OUTCOMES, "C")


def archive(path: Path, log: dict[str, Any], *, header: bool = True) -> Path:
    """The log as an `.eval` archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        if header:
            file.writestr("header.json", json.dumps({**log, "samples": None}))
        for sample in log["samples"]:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            file.writestr(name, json.dumps(sample))
        file.writestr("summaries.json", "[]")
    return path


def test_inspect_log_and_archive_are_the_same(write: Write, tmp_path: Path) -> None:
    """Letters, numbers and booleans; seconds become milliseconds, the model is named."""
    log = inspect_log(ALL_CORRECT, ALL_CORRECT | {"schema_valid": "I", "patch_apply_success": 0})
    read = read_file(write(log, name="log.json"))
    assert [each.schema_valid for each in read] == [True, False]
    assert not read[1].patch_apply_success
    assert (read[0].record_id, read[0].item_id) == ("1/1", "1")
    assert (read[0].model_id, read[0].latency_ms) == ("openai/gpt-4o", 1234)
    assert read[0].fallback_used is None
    assert read_file(archive(tmp_path / "log.eval", log)) == read


def test_inspect_archive_with_zstandard_is_read(tmp_path: Path) -> None:
    """What newer versions write, on a Python whose zipfile does not know it."""
    log = inspect_log(ALL_CORRECT)
    plain = archive(tmp_path / "plain.eval", log)
    packed = tmp_path / "packed.eval"
    _as_zstandard(plain, packed)
    assert read_file(packed) == read_file(plain)
    body = bytearray(packed.read_bytes())
    body[body.index(b"\x28\xb5\x2f\xfd") + 12] ^= 0xFF
    packed.write_bytes(body)
    assert "the archive is broken" in refusal(packed)


def _as_zstandard(source: Path, target: Path) -> None:
    """Stored members whose bytes are zstd frames, with the method number put in afterwards."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        sizes = {}
        for info in old.infolist():
            plain = old.read(info)
            packed = pa.compress(plain, codec="zstd", asbytes=True)
            new.writestr(info.filename, packed)
            sizes[info.filename] = (len(plain), info.CRC)
        for info in new.infolist():
            info.compress_type = 93
            info.file_size, info.CRC = sizes[info.filename]
        new._didModify = True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (inspect_log({}), "sample 1: the score schema_valid is missing"),
        (inspect_log(ALL_CORRECT | {"schema_valid": "P"}), "neither true nor false"),
        (inspect_log(ALL_CORRECT | {"schema_valid": 0.5}), "neither true nor false"),
        (inspect_log(ALL_CORRECT, status="started"), "the eval did not end with success"),
        (inspect_log(ALL_CORRECT, samples=None), "it is a header alone"),
        (
            inspect_log(ALL_CORRECT, results={"total_samples": 2}),
            "the log names 2 samples and holds 1",
        ),
        (
            inspect_log(ALL_CORRECT, samples=[{"id": 1, "epoch": 1, "error": {"message": "x"}}]),
            "sample 1: the sample ended with an error",
        ),
        (inspect_log(ALL_CORRECT, samples=[7]), "sample 1: the sample is not an object"),
    ],
)
def test_inspect_log_is_read_strictly(write: Write, log: object, reason: str) -> None:
    """Unfinished, incomplete and unclear logs are refused with the sample."""
    assert reason in refusal(write(log, name="log.json"))


def test_unfinished_archive_is_refused(tmp_path: Path) -> None:
    """Without a header the eval is still running; a cut file is broken."""
    path = archive(tmp_path / "log.eval", inspect_log(ALL_CORRECT), header=False)
    assert "has not ended" in refusal(path)
    path.write_bytes(path.read_bytes()[:100])
    assert "the archive is broken" in refusal(path)


def test_scores_of_other_names_are_mapped(write: Write) -> None:
    """One scorer under another name, and one key of a scorer with several values."""
    scores = ALL_CORRECT | {"judge": {"valid": 1, "safe": 0}}
    del scores["schema_valid"], scores["safety_html_tailwind_compliant"]
    mapped = {
        "schema_valid": "judge.valid",
        "safety_html_tailwind_compliant": "judge.safe",
        "published_within_7d": "edited_after_generate",
    }
    (read,) = read_file(write(inspect_log(scores), name="log.json"), outcomes=mapped)
    assert (read.schema_valid, read.safety_html_tailwind_compliant) == (True, False)


def promptfoo(*results: dict[str, Any]) -> dict[str, Any]:
    """Results as promptfoo writes them."""
    return {"evalId": "eval-1", "results": {"version": 3, "results": list(results)}, "config": {}}


def promptfoo_result(**changes: object) -> dict[str, Any]:
    """One result in which every metric passed."""
    return {
        "id": "r1",
        "testIdx": 4,
        "promptIdx": 1,
        "provider": {"id": "openai:gpt-4o", "label": ""},
        "success": True,
        "latencyMs": 812,
        "response": {"output": "<p>", "cached": False},
        "namedScores": dict.fromkeys(OUTCOMES, 1),
        "gradingResult": {"pass": True, "componentResults": []},
    } | changes


def test_promptfoo_results_are_read(write: Write) -> None:
    """All assertions of a metric have to pass; a cached answer has no latency."""
    components = [
        {"pass": True, "assertion": {"type": "is-json", "metric": "schema_valid"}},
        {"pass": False, "assertion": {"type": "javascript", "metric": "schema_valid"}},
        {"pass": True, "assertion": None},
    ]
    results = promptfoo(
        promptfoo_result(),
        promptfoo_result(
            id="r2",
            response={"cached": True},
            gradingResult={"componentResults": components},
            namedScores=dict.fromkeys(OUTCOMES, 1) | {"schema_valid": 0.5},
        ),
    )
    first, second = read_file(write(results, name="results.json"))
    assert (first.record_id, first.item_id, first.model_id) == ("r1", "4", "openai:gpt-4o")
    assert (first.latency_ms, second.latency_ms) == (812, None)
    assert (first.schema_valid, second.schema_valid) == (True, False)
    assert first.slices == {"prompt_index": "1"}
    mapped = read_file(write(results, name="r.json"), outcomes={"schema_valid": "success"})
    assert mapped[1].schema_valid


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        (promptfoo(promptfoo_result(namedScores={})), "result 1: the metric schema_valid is missi"),
        (promptfoo(promptfoo_result(testIdx=None)), "result 1: testIdx is missing"),
        (promptfoo(promptfoo_result(latencyMs=-1)), "result 1: latencyMs is not a time"),
        (promptfoo(promptfoo_result(), promptfoo_result()), "the record_id is that of result 1"),
        (
            promptfoo(promptfoo_result(namedScores=dict.fromkeys(OUTCOMES, 2))),
            "the metric schema_valid is neither true nor false",
        ),
        ({"evalId": "x", "results": {"version": 9, "results": []}}, "of an unknown version"),
        ({"evalId": "x", "results": {}}, "no list of results"),
    ],
)
def test_promptfoo_is_read_strictly(write: Write, results: object, reason: str) -> None:
    """Missing metrics, sums of several and unknown layouts are refused."""
    assert reason in refusal(write(results, name="results.json"))


def lm_eval_line(doc: int, name: str | None = None, **metrics: float) -> dict[str, Any]:
    """A line of a samples file."""
    line: dict[str, Any] = {"doc_id": doc, "doc": {}, "target": "4", "filtered_resps": ["4"]}
    return line | ({"filter": name} if name else {}) | {"metrics": list(metrics)} | metrics


def test_lm_eval_samples_are_read(write: Write) -> None:
    """One record for each document, also where a document stands under several filters."""
    exact = dict.fromkeys(OUTCOMES, "exact_match")
    read = read_file(
        write(lm_eval_line(0, exact_match=1.0), lm_eval_line(1, exact_match=0.0)), outcomes=exact
    )
    assert [(each.record_id, each.schema_valid) for each in read] == [("0", True), ("1", False)]
    path = write(
        lm_eval_line(0, "strict-match", exact_match=0.0),
        lm_eval_line(0, "flexible-extract", exact_match=1.0),
    )
    mixed = dict.fromkeys(OUTCOMES, "exact_match,flexible-extract")
    mixed["schema_valid"] = "exact_match,strict-match"
    (one,) = read_file(path, outcomes=mixed)
    assert (one.schema_valid, one.patch_apply_success) == (False, True)
    assert "name exact_match,FILTER" in refusal(path, outcomes=exact)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (lm_eval_line(1), "line 2: the metric exact_match is missing"),
        (lm_eval_line(1, exact_match=0.25), "line 2: the metric exact_match is neither"),
        (lm_eval_line(0, exact_match=1.0), "line 2: the document and filter are those of line 1"),
        ({"doc_id": None}, "line 2: doc_id is missing"),
        (b"{", "line 2: the body is not one JSON document"),
    ],
)
def test_lm_eval_is_read_strictly(write: Write, line: object, reason: str) -> None:
    """Scores that are no yes or no, repeats and broken lines are refused with the line."""
    path = write(lm_eval_line(0, exact_match=1.0), line)
    assert reason in refusal(path, outcomes=dict.fromkeys(OUTCOMES, "exact_match"))


def test_format_can_be_named(write: Write) -> None:
    """A file whose beginning says nothing is read as it is told; a wrong name is refused."""
    results = {"config": {}} | promptfoo(promptfoo_result())
    path = write(results, name="results.json")
    assert len(read_file(path, format_name="promptfoo")) == 1
    assert "no samples" in refusal(path, format_name="inspect")
