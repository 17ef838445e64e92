"""Results of promptfoo (`promptfoo eval --output results.json`), versions 2 and 3.

An outcome is given by the assertions whose `metric` has its name: all of them have to pass. Where
components are not listed the named score has to be 1 or 0; `success` is the result as a whole. A
test is an item, so that prompts and providers are compared on the same tests. Answers from the
cache have no latency.
"""

import re
from collections.abc import Mapping

from helicarrier.evals.model import EvalRecord
from helicarrier.evals.readers.base import (
    Gathering,
    Refused,
    Unclear,
    document,
    recorded,
    shown,
    truth,
    whole,
)

_START = re.compile(
    rb'\s*\{\s*("evalId"\s*:|"results"\s*:\s*\{|"version"\s*:\s*\d+\s*,\s*"timestamp")'
)
_VERSIONS = (2, 3)

Fields = dict[str, object]


class PromptfooReader:
    """Results as one JSON document."""

    name = "promptfoo"

    def recognises(self, start: bytes) -> bool:
        """The document begins with the eval's id or with its results."""
        return _START.match(start) is not None

    def read(self, body: bytes, outcomes: Mapping[str, str]) -> list[EvalRecord]:
        """See `Reader.read`."""
        top = document(body)
        summary = top.get("results", top) if isinstance(top, dict) else None
        if isinstance(summary, list):
            summary = top
        if not isinstance(summary, dict) or not isinstance(summary.get("results"), list):
            raise Refused([whole("the file has no list of results")])
        if summary.get("version") not in _VERSIONS:
            raise Refused([whole("the results are of an unknown version")])
        found = Gathering()
        for number, result in enumerate(summary["results"], start=1):
            place = f"result {number}"
            try:
                found.add(_record(result, outcomes), number, place)
            except Unclear as error:
                found.wrong(number, place, str(error))
        return found.done()


def _record(result: object, outcomes: Mapping[str, str]) -> EvalRecord:
    if not isinstance(result, dict):
        raise Unclear("the result is not an object")
    test, prompt = result.get("testIdx"), result.get("promptIdx")
    for name, index in (("testIdx", test), ("promptIdx", prompt)):
        if not isinstance(index, int) or isinstance(index, bool):
            raise Unclear(f"{name} is missing")
    own = result.get("id")
    provider = result.get("provider")
    model = provider.get("id") if isinstance(provider, dict) else provider
    return recorded(
        outcomes,
        lambda source: _outcome(result, source),
        record_id=own if isinstance(own, str) and own else f"{test}/{prompt}",
        item_id=str(test),
        model_id=model if isinstance(model, str) and model else None,
        latency_ms=_latency(result),
        slices={"prompt_index": str(prompt)},
    )


def _outcome(result: Fields, source: str) -> bool:
    if source == "success":
        return truth(result.get("success"), "success")
    what = f"the metric {shown(source)}"
    grading = result.get("gradingResult")
    components = grading.get("componentResults") if isinstance(grading, dict) else None
    passed = [
        truth(component.get("pass"), what)
        for component in (components if isinstance(components, list) else [])
        if isinstance(component, dict)
        and isinstance(component.get("assertion"), dict)
        and component["assertion"].get("metric") == source
    ]
    if passed:
        return all(passed)
    named = result.get("namedScores")
    return truth(named.get(source) if isinstance(named, dict) else None, what)


def _latency(result: Fields) -> int | None:
    response, latency = result.get("response"), result.get("latencyMs")
    if latency is None or (isinstance(response, dict) and response.get("cached") is True):
        return None
    if isinstance(latency, bool) or not isinstance(latency, int | float) or not latency >= 0:
        raise Unclear("latencyMs is not a time")
    if latency == float("inf"):
        raise Unclear("latencyMs is not a time")
    return round(latency)
