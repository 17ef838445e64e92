"""Rollout: which subjects have a feature at a percentage, as Unleash would choose them.

A subject's place is MurmurHash3 (x86, 32 bits, seed 0) of `FEATURE:SUBJECT`. Unleash's gradual
rollout normalizes it to `hash % 100 + 1` and takes those up to the percentage
(https://docs.getunleash.io/concepts/stickiness). Here there are 10,000 places, ordered so that
whole percents choose the very same subjects: the last two digits of the hash come first, the two
before them divide each percent. Raising the percentage therefore only adds subjects, and since the
feature's name is part of what is hashed, two features choose independently.
"""

import mmh3

BUCKETS = 10_000
_PER_PERCENT = BUCKETS // 100


def bucket(feature: str, subject: str) -> int:
    """The place of a subject, from 0 to 9,999."""
    place = mmh3.hash(f"{feature}:{subject}", 0, signed=False)
    return place % 100 * _PER_PERCENT + place // 100 % _PER_PERCENT


def eligible(feature: str, subject: str, percent: int) -> bool:
    """Whether a subject has the feature at this percentage."""
    return bucket(feature, subject) < percent * _PER_PERCENT
