"""What must not change in a text, whatever the wording: facts as multisets.

Code spans, URLs, dates, numbers with their units, negations and names are taken out of a text one
after the other, so that each is counted once. Words are compared by the letter: `5 ms` and `5 s`
differ, `1,000` and `1000` do not. Everything is linear in the length of the text.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Guard(StrEnum):
    """A kind of fact, in the order in which they are taken out."""

    CODE_SPANS = "code_spans"
    URLS = "urls"
    DATES = "dates"
    NUMBERS = "numbers"
    UNITS = "units"
    NEGATIONS = "negations"
    ENTITIES = "entities"
    HIDDEN_CHARACTERS = "hidden_characters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of a text, and the names at the start of sentences, which may be mere words."""

    guarded: dict[Guard, Counter[str]]
    openers: Counter[str]


_MONTHS = dict(
    zip(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        range(1, 13),
        strict=True,
    )
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_TICKS = re.compile("`+")
_URL = re.compile(
    r"(?:https?|ftp|file|mailto)[:/]+[^\s<>\"')\]]{1,2000}|\bwww\.[^\s<>\"')\]]{1,500}"
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_DATE = re.compile(
    r"(?P<iso>\b\d{4}-\d\d-\d\d\b)"
    rf"|\b(?P<mday>\d{{1,2}})(?:st|nd|rd|th)?\.? (?P<mname>{_MONTH})\.?,? (?P<myear>\d{{4}})\b"
    rf"|\b(?P<uname>{_MONTH})\.? (?P<uday>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<uyear>\d{{4}})\b"
    rf"|\b(?P<part>(?:{_MONTH})\.? \d{{1,4}}\b|\d{{1,2}}\.? (?:{_MONTH})\b"
    r"|\d{1,4}[/.]\d{1,2}[/.]\d{2,4}\b|\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\b)?|q[1-4]\b"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|today\b|tomorrow\b|yesterday\b)",
    re.IGNORECASE,
)
_UNIT = (
    r"%|‰|°\s?[CF]|[µmnk]?s\b|secs?\b|seconds?\b|mins?\b|minutes?\b|hours?\b|hrs?\b|h\b|days?\b"
    r"|weeks?\b|months?\b|years?\b|[kKMGTP]i?[Bb](?:ps|/s)?\b|bytes?\b|bits?\b|[cmkµn]?m\b|km/h\b"
    r"|miles?\b|mph\b|[mk]?g\b|lbs?\b|tons?\b|[mM]?[lL]\b|[kMG]?[WVAJ]\b|kWh\b|[kMG]?Hz\b|percent\b"
    r"|per cent\b|percentage points?\b|pp\b|USD\b|EUR\b|GBP\b|JPY\b|CHF\b|dollars?\b|euros?\b"
    r"|pounds?\b|cents?\b|tokens?\b|requests?\b|users?\b|items?\b|rows?\b|times\b|x\b|k\b|[MB]n?\b"
)
_NUMBER = re.compile(
    r"(?P<money>[$€£¥]\s?)?(?P<sign>(?<![\w.])[-\u2212+])?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)*(?:[eE][-+]?\d+)?|[¼½¾⅓⅔²³])"
    rf"(?P<unit>\s?(?:{_UNIT}))?"
)
_WORD_NUMBERS = dict(
    zip(
        (
            *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
            *("twelve", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
            *("ninety", "zero"),
        ),
        (*range(2, 13), 20, 30, 40, 50, 60, 70, 80, 90, 0),
        strict=True,
    )
) | {
    word: word
    for word in ("hundred", "thousand", "million", "billion", "dozen", "half", "twice", "double")
}
_PER = re.compile(r"(?:\bper\s|/\s?|\beach\s|\bevery\s)([A-Za-z]{1,30})", re.IGNORECASE)
_NEGATIONS = {
    **dict.fromkeys(("not", "cannot", "nt"), "not"),
    **dict.fromkeys(("no", "none", "nobody", "nothing", "nowhere"), "no"),
    **{word: word for word in ("never", "neither", "nor", "without", "unless", "except")},
    **dict.fromkeys(("hardly", "barely", "scarcely", "rarely", "seldom"), "hardly"),
}
_WORD = re.compile(r"\w+(?:[\u2019'.&-]\w+)*")
_SENTENCE_END = re.compile(r"[.!?:;]\s+|\n\s*|^\s*[-*#>]+\s|[“\"(]")
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an the this that these those it its he she we you they i my your our their his her in on
        at by for from of to with as if when while where after before since until and or but so
        because then than there here all any each every some both few many more most other such
        what which who how why is are was were be been do does did has have had can could may
        might must shall should will would please yes ok also only just now however use one
        """,
    )
)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def facts(text: str) -> Facts:
    """The facts of a text."""
    found: dict[Guard, Counter[str]] = {guard: Counter() for guard in Guard}
    found[Guard.HIDDEN_CHARACTERS].update(
        f"U+{ord(match.group()):04X}" for match in _HIDDEN.finditer(text)
    )
    rest = _without_code(text, found[Guard.CODE_SPANS])
    rest = _taken(_URL, rest, lambda m: found[Guard.URLS].update([m.group().rstrip(".,;:!?")]))
    rest = _taken(_EMAIL, rest, lambda m: found[Guard.ENTITIES].update([m.group().casefold()]))
    rest = _taken(_DATE, rest, lambda m: found[Guard.DATES].update([_date(m)]))
    found[Guard.UNITS].update(
        f"per {_singular(match.group(1).casefold())}" for match in _PER.finditer(rest)
    )
    rest = _taken(_NUMBER, rest, lambda m: _count_number(m, found))
    openers = _count_words(rest, found)
    return Facts(guarded=found, openers=openers)


def _without_code(text: str, spans: Counter[str]) -> str:
    """Code spans end with as many marks as they begin with; all pairs in one pass backwards."""
    runs = list(_TICKS.finditer(text))
    following: dict[int, int] = {}
    partner = [-1] * len(runs)
    for place in range(len(runs) - 1, -1, -1):
        length = len(runs[place].group())
        partner[place] = following.get(length, -1)
        following[length] = place
    rest, end, place = [], 0, 0
    while place < len(runs):
        other = partner[place]
        if other < 0:
            place += 1
            continue
        spans.update([text[runs[place].end() : runs[other].start()].strip()])
        rest.append(text[end : runs[place].start()])
        end, place = runs[other].end(), other + 1
    return " ".join([*rest, text[end:]])


def _taken(pattern: re.Pattern[str], text: str, count: Callable[[re.Match[str]], None]) -> str:
    """The text without what the pattern finds, each of which is counted."""

    def gone(match: re.Match[str]) -> str:
        count(match)
        return " "

    return pattern.sub(gone, text)


def _date(match: re.Match[str]) -> str:
    found = match.groupdict()
    if found["iso"]:
        return str(found["iso"])
    for prefix in "mu":
        if found[f"{prefix}name"]:
            month = _MONTHS[found[f"{prefix}name"][:3].casefold()]
            return f"{found[f'{prefix}year']}-{month:02d}-{int(found[f'{prefix}day']):02d}"
    return " ".join(match.group().casefold().split())


def _count_number(match: re.Match[str], found: dict[Guard, Counter[str]]) -> None:
    number = match.group("number")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number):
        number = number.replace(",", "")
    sign = "-" if (match.group("sign") or "") in {"-", "\u2212"} else ""
    unit = (match.group("money") or match.group("unit") or "").strip()
    found[Guard.NUMBERS].update([sign + number])
    if unit:
        found[Guard.UNITS].update([f"{sign}{number} {_SAME_UNIT.get(unit, _singular(unit))}"])


_SAME_UNIT = {
    **dict.fromkeys(("percent", "per cent"), "%"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("USD", "dollar", "dollars", "$"), "$"),
    **dict.fromkeys(("EUR", "euro", "euros", "€"), "€"),
}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word  # noqa: PLR2004 - not "ms"


def _count_words(text: str, found: dict[Guard, Counter[str]]) -> Counter[str]:
    """Negations, number words and names; gives what may be a name or the start of a sentence."""
    openers: Counter[str] = Counter()
    starts = {match.end() for match in _SENTENCE_END.finditer(text)}
    first = len(text) - len(text.lstrip())
    for match in _WORD.finditer(text):
        word = match.group()
        plain = word.replace("\u2019", "'").casefold()
        if plain in _WORD_NUMBERS:
            found[Guard.NUMBERS].update([str(_WORD_NUMBERS[plain])])
            continue
        negation = _NEGATIONS.get("not" if plain.endswith("n't") else plain)
        if negation:
            found[Guard.NEGATIONS].update([negation])
            continue
        if word[0].islower() and word.islower():
            continue
        if word.islower() or plain in _FUNCTION_WORDS or not word[0].isalpha():
            continue
        opens = match.start() == first or match.start() in starts
        mere_word = opens and word[1:].islower()
        (openers if mere_word else found[Guard.ENTITIES]).update([plain.removesuffix("'s")])
    return openers
