"""Families over days and times: a date moved and asked; a time of a day moved and read."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from ectrain_elixir.katas.compose import Maker, assigned, composed, drawn, piped, said, through
from ectrain_elixir.katas.kata import Draft, Step


def _fixed(kind: str, say: str, code: str, run: Callable[[Any], Any]) -> Maker:
    return lambda rng: Step(kind, say, code, run)


def later(rng: random.Random) -> Step:
    """Move on by days."""
    k = rng.randint(2, 60)
    return Step("later", f"goes {k} days on", f"Date.add({k})", lambda d: d + timedelta(days=k))


def earlier(rng: random.Random) -> Step:
    """Move back by days."""
    k = rng.randint(2, 60)
    return Step(
        "earlier", f"goes {k} days back", f"Date.add(-{k})", lambda d: d - timedelta(days=k)
    )


def _last_of_month(d: date) -> date:
    return d.replace(day=calendar.monthrange(d.year, d.month)[1])


MOVES: tuple[Maker, ...] = (
    later,
    later,
    earlier,
    _fixed(
        "month_start", "goes to the first day of its month", "Date.beginning_of_month()",
        lambda d: d.replace(day=1)
    ),
    _fixed(
        "month_end", "goes to the last day of its month", "Date.end_of_month()", _last_of_month
    ),
    _fixed(
        "week_start", "goes to Monday of its week", "Date.beginning_of_week()",
        lambda d: d - timedelta(days=d.weekday())
    ),
    _fixed(
        "week_end", "goes to Sunday of its week", "Date.end_of_week()",
        lambda d: d + timedelta(days=6 - d.weekday())
    ),
)  # fmt: skip

ANSWERS: tuple[Maker, ...] = (
    _fixed(
        "weekday", "returns its day of the week from 1", "Date.day_of_week()",
        lambda d: d.isoweekday()
    ),
    _fixed(
        "yearday", "returns its day of the year", "Date.day_of_year()",
        lambda d: d.timetuple().tm_yday
    ),
    _fixed("text", "writes it as ISO 8601", "Date.to_iso8601()", lambda d: d.isoformat()),
    _fixed("day", "returns its day of the month", "Map.fetch!(:day)", lambda d: d.day),
    _fixed("month", "returns its month", "Map.fetch!(:month)", lambda d: d.month),
    _fixed(
        "leap", "tells whether its year is a leap year", "Date.leap_year?()",
        lambda d: calendar.isleap(d.year)
    ),
    _fixed(
        "size", "returns how many days its month has", "Date.days_in_month()",
        lambda d: calendar.monthrange(d.year, d.month)[1]
    ),
)  # fmt: skip


def dates(rng: random.Random, length: int | None = None) -> Draft:
    """A date through moves, and what is asked of it."""
    count = length or rng.choice((2, 2, 3))
    chosen, pools = drawn(rng, MOVES, count, distinct=length is None), [MOVES] * count
    if length is None and rng.random() < 0.7:
        chosen, pools = [*chosen, rng.choice(ANSWERS)(rng)], [*pools, ANSWERS]

    def some() -> date:
        return date(2023, 12, 1) + timedelta(days=rng.randint(0, 800))

    return composed(
        rng,
        chosen,
        pools,
        (
            lambda made: piped("date", [step.code for step in made]),
            lambda made: assigned("date", [step.code for step in made], "day"),
        ),
        request=said([step.say for step in chosen]),
        spec="(Date.t()) :: term()",
        head="(date)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((some(),) for _ in range(4)),
    )


def hours(rng: random.Random) -> Step:
    """Move on by hours."""
    k = rng.randint(2, 40)
    code = f"NaiveDateTime.add({k} * 3600)"
    return Step("hours", f"goes {k} hours on", code, lambda t: t + timedelta(hours=k))


def minutes(rng: random.Random) -> Step:
    """Move back by minutes."""
    k = rng.randint(5, 90)
    code = f"NaiveDateTime.add(-{k} * 60)"
    return Step("minutes", f"goes {k} minutes back", code, lambda t: t - timedelta(minutes=k))


def seconds(rng: random.Random) -> Step:
    """Move on by seconds."""
    k = rng.randint(10, 500)
    code = f"NaiveDateTime.add({k})"
    return Step("seconds", f"goes {k} seconds on", code, lambda t: t + timedelta(seconds=k))


CLOCK: tuple[Maker, ...] = (
    hours,
    minutes,
    seconds,
    _fixed(
        "full_minute", "sets its seconds to 0", "Map.replace!(:second, 0)",
        lambda t: t.replace(second=0)
    ),
    _fixed(
        "half", "sets its minutes to 30", "Map.replace!(:minute, 30)",
        lambda t: t.replace(minute=30)
    ),
    _fixed(
        "noon", "sets its hours to 12", "Map.replace!(:hour, 12)", lambda t: t.replace(hour=12)
    ),
)  # fmt: skip

READINGS: tuple[Maker, ...] = (
    _fixed("date", "returns its date", "NaiveDateTime.to_date()", lambda t: t.date()),
    _fixed("text", "writes it as ISO 8601", "NaiveDateTime.to_iso8601()", lambda t: t.isoformat()),
    _fixed("hour", "returns its hour", "Map.fetch!(:hour)", lambda t: t.hour),
    _fixed("minute", "returns its minute", "Map.fetch!(:minute)", lambda t: t.minute),
)


def times(rng: random.Random) -> Draft:
    """A time of a day through moves, and what is read from it."""
    count = rng.choice((2, 2, 3))
    chosen = [*drawn(rng, CLOCK, count), rng.choice(READINGS)(rng)]
    pools: list[Sequence[Maker]] = [*[CLOCK] * count, READINGS]

    def some() -> datetime:
        return datetime(2024, 2, 26) + timedelta(seconds=rng.randint(0, 500_000))

    return composed(
        rng,
        chosen,
        pools,
        (
            lambda made: piped("time", [step.code for step in made]),
            lambda made: assigned("time", [step.code for step in made], "moved"),
        ),
        request=said([step.say for step in chosen]),
        spec="(NaiveDateTime.t()) :: term()",
        head="(time)",
        run=lambda made, arguments: through(made, arguments[0]),
        inputs=tuple((some(),) for _ in range(4)),
    )
