"""Templates of arithmetic and fractions. In: a random generator and a difficulty from 1 to 5. Out: `Draft`s."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

from mathpipe.generate.problems.drafts import Draft, Template, bracketed, nonzero, reduced, written

_PLUS, _MINUS, _TIMES = "+", "-", "\\cdot"


def arithmetic(rng: Random, difficulty: int) -> Draft:
    """A chain of sums and products; more terms and greater numbers with the difficulty, negatives from 3."""
    bound = 10 * 3 ** (difficulty - 1)
    terms = [nonzero(rng, bound) if difficulty >= 3 else rng.randint(2, bound) for _ in range(difficulty + 2)]
    signs = [rng.choice((_PLUS, _MINUS, _TIMES)) for _ in terms[1:]]
    rest = (f" {sign} {bracketed(term)}" for sign, term in zip(signs, terms[1:], strict=True))
    text = written(terms[0]) + "".join(rest)
    steps: list[str] = []
    sums, pending = [terms[0]], []
    for sign, term in zip(signs, terms[1:], strict=True):
        if sign == _TIMES:
            product = sums[-1] * term
            steps.append(f"${written(sums[-1])} \\cdot {bracketed(term)} = {product}$.")
            sums[-1] = product
        else:
            pending.append(sign)
            sums.append(term)
    total = sums[0]
    for sign, term in zip(pending, sums[1:], strict=True):
        after = total + term if sign == _PLUS else total - term
        steps.append(f"${total} {sign} {bracketed(term)} = {after}$.")
        total = after
    return Draft(f"Compute ${text}$.", str(total), steps)


def sums(rng: Random, difficulty: int) -> Draft:
    """Numbers added from left to right: five of one digit at difficulty 1, more and greater ones beyond."""
    bound = 9 * 3 ** (difficulty - 1)
    terms = [rng.randint(2, bound) for _ in range(4 + difficulty)]
    total, steps = terms[0], []
    for term in terms[1:]:
        steps.append(f"${total} + {term} = {total + term}$.")
        total += term
    return Draft(f"Compute ${' + '.join(map(str, terms))}$.", str(total), steps)


def fraction_sum(rng: Random, difficulty: int) -> Draft:
    """Two to four fractions added and subtracted, in lowest terms."""
    bound = 4 + 4 * difficulty
    fractions = [Fraction(rng.randint(1, bound), rng.randint(2, bound)) for _ in range(2 + difficulty // 2)]
    signs = [rng.choice((1, -1)) for _ in fractions[1:]]
    text = written(fractions[0]) + "".join(
        f" {'+' if sign > 0 else '-'} {written(value)}" for sign, value in zip(signs, fractions[1:], strict=True)
    )
    common = math.lcm(*(value.denominator for value in fractions))
    numerators = [int(value * common) for value in fractions]
    total = numerators[0] + sum(sign * value for sign, value in zip(signs, numerators[1:], strict=True))
    over = " ".join(
        [str(numerators[0])]
        + [f"{'+' if sign > 0 else '-'} {value}" for sign, value in zip(signs, numerators[1:], strict=True)]
    )
    answer = written(Fraction(total, common))
    steps = [
        f"The least common denominator is ${common}$.",
        f"Over it the numerators are ${over} = {total}$.",
        f"So the value is ${reduced(total, common)}$ in lowest terms.",
    ]
    return Draft(f"Compute ${text}$ and give the result in lowest terms.", answer, steps)


def fraction_product(rng: Random, difficulty: int) -> Draft:
    """Fractions multiplied and divided, in lowest terms."""
    bound = 5 + 5 * difficulty
    value = Fraction(rng.randint(1, bound), rng.randint(2, bound))
    text, steps = written(value), []
    for _ in range(1 + (difficulty + 1) // 2):
        factor = Fraction(rng.randint(1, bound), rng.randint(2, bound))
        if rng.random() < 0.5:
            text = f"{text} \\cdot {written(factor)}"
            steps.append(f"${written(value)} \\cdot {written(factor)} = {written(value * factor)}$.")
            value *= factor
        else:
            text = f"{text} \\div {written(factor)}"
            turned = written(1 / factor)
            steps.append(
                f"Dividing by ${written(factor)}$ is multiplying by ${turned}$: "
                f"${written(value)} \\cdot {turned} = {written(value / factor)}$."
            )
            value /= factor
    question = f"Compute ${text}$ from left to right and give the result in lowest terms."
    return Draft(question, written(value), steps)


def remainder(rng: Random, difficulty: int) -> Draft:
    """The remainder of a power."""
    modulus = rng.randint(3, 5 + 10 * difficulty)
    base, exponent = rng.randint(2, 5 + 5 * difficulty), rng.randint(2, 2 + 3 * difficulty)
    steps, value = [f"Multiply step by step and keep remainders modulo {modulus}."], 1
    for power in range(1, exponent + 1):
        value = value * base % modulus
        steps.append(f"${base}^{{{power}}}$ leaves ${value}$.")
    question = f"What is the remainder when ${base}^{{{exponent}}}$ is divided by ${modulus}$?"
    return Draft(question, str(value), steps)


NUMBER_TEMPLATES = (
    Template("arithmetic", "arithmetic", arithmetic),
    Template("sums", "arithmetic", sums),
    Template("fraction-sum", "fractions", fraction_sum),
    Template("fraction-product", "fractions", fraction_product),
    Template("remainder", "number theory", remainder),
)
