"""Word problems. In: a random generator and a difficulty from 1 to 5. Out: `Draft`s whose answers are exact."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from mathpipe.generate.problems.drafts import Draft, Template, reduced, written

_NAMES = "Ada Ben Chen Dara Elif Femi Greta Hana Ivan Jun Kofi Lena Mira Nils Omar Pia Rosa Sven Tara Uma".split()
_THINGS = "apples books cards coins marbles pencils shells stamps stickers tickets".split()


def shopping(rng: Random, difficulty: int) -> Draft:
    """Bought at a price, paid with a note: the change. More kinds of things with the difficulty."""
    name, things = rng.choice(_NAMES), rng.sample(_THINGS, 1 + (difficulty + 1) // 2)
    counts = [rng.randint(2, 5 + 3 * difficulty) for _ in things]
    prices = [rng.randint(1, 4 + 4 * difficulty) for _ in things]
    bill = sum(count * price for count, price in zip(counts, prices, strict=True))
    paid = -(-bill // 50) * 50
    bought = " and ".join(
        f"{count} {thing} at {price} {'dollar' if price == 1 else 'dollars'} each"
        for count, thing, price in zip(counts, things, prices, strict=True)
    )
    steps = [
        f"The {thing} cost ${count} \\cdot {price} = {count * price}$ dollars."
        for count, thing, price in zip(counts, things, prices, strict=True)
    ]
    steps.append(f"Together that is ${bill}$ dollars, so the change is ${paid} - {bill} = {paid - bill}$ dollars.")
    question = f"{name} buys {bought} and pays with {paid} dollars. How many dollars of change does {name} get?"
    return Draft(question, str(paid - bill), steps)


def sharing(rng: Random, difficulty: int) -> Draft:
    """A collection of which fractions are given away in turn; how much is left."""
    name, thing = rng.choice(_NAMES), rng.choice(_THINGS)
    friends = rng.sample([other for other in _NAMES if other != name], 1 + difficulty // 2)
    parts = [Fraction(1, rng.randint(2, 3 + difficulty)) for _ in friends]
    start = rng.randint(1, 3 * difficulty)
    for part in parts:
        start *= part.denominator
    told, steps, left = [], [], start
    for place, (friend, part) in enumerate(zip(friends, parts, strict=True)):
        given = left // part.denominator
        rest = "them" if place == 0 else "the rest"
        told.append(f"gives $\\frac{{1}}{{{part.denominator}}}$ of {rest} to {friend}")
        steps.append(f"{friend} gets ${left} \\div {part.denominator} = {given}$; ${left - given}$ are left.")
        left -= given
    question = f"{name} has {start} {thing} and {', then '.join(told)}. How many {thing} are left?"
    return Draft(question, str(left), steps)


def journey(rng: Random, difficulty: int) -> Draft:
    """Legs at different speeds; the average speed over all of them, which is a fraction as a rule."""
    name = rng.choice(_NAMES)
    count = 2 + difficulty // 3
    legs = [(rng.randint(2, 10 + 10 * difficulty), rng.randint(1, 2 + difficulty)) for _ in range(count)]
    told = ", then ".join(
        f"{hours} {'hour' if hours == 1 else 'hours'} at {speed} kilometers per hour" for speed, hours in legs
    )
    steps = [f"${speed} \\cdot {hours} = {speed * hours}$ kilometers." for speed, hours in legs]
    distance, time = sum(speed * hours for speed, hours in legs), sum(hours for _, hours in legs)
    answer = written(Fraction(distance, time))
    steps.append(f"That is ${distance}$ kilometers in ${time}$ hours, on average ${reduced(distance, time)}$.")
    question = f"{name} travels {told}. What is the average speed in kilometers per hour? Give an exact value."
    return Draft(question, answer, steps)


STORY_TEMPLATES = (
    Template("shopping", "word problems", shopping),
    Template("sharing", "word problems", sharing),
    Template("journey", "word problems", journey),
)
