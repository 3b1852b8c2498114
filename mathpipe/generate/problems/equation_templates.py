"""Templates of equations. In: a random generator and a difficulty from 1 to 5. Out: `Draft`s with exact answers."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from mathpipe.generate.problems.drafts import Draft, Template, leading, nonzero, signed, written

_LETTERS = "xyztnm"


def linear(rng: Random, difficulty: int) -> Draft:
    """One unknown on both sides; the solution is whole up to difficulty 2, a fraction may come after."""
    letter, bound = rng.choice(_LETTERS), 4 + 4 * difficulty
    left = nonzero(rng, bound)
    right = rng.choice([value for value in range(-bound, bound + 1) if value not in (0, left)])
    first = nonzero(rng, 3 * bound)
    if difficulty <= 2:
        second = first + (left - right) * nonzero(rng, bound)
    else:
        second = rng.choice([value for value in range(-3 * bound, 3 * bound + 1) if value != first])
    solution = Fraction(second - first, left - right)
    if second == 0:
        sides = f"{leading(left, letter)} {signed(first)} = {leading(right, letter)}"
    else:
        sides = f"{leading(left, letter)} {signed(first)} = {leading(right, letter)} {signed(second)}"
    steps = [
        f"Bring the terms with ${letter}$ to the left and the numbers to the right: "
        f"${leading(left - right, letter)} = {second - first}$.",
        f"Divide by ${left - right}$: ${letter} = {written(solution)}$.",
    ]
    return Draft(f"Solve for ${letter}$: ${sides}$.", written(solution), steps)


def system(rng: Random, difficulty: int) -> Draft:
    """Two equations in two unknowns with a whole solution; the answer is the ordered pair."""
    bound = 2 + 2 * difficulty
    x, y = nonzero(rng, 2 * bound), nonzero(rng, 2 * bound)
    while True:
        a, b, c, d = (nonzero(rng, bound) for _ in range(4))
        if a * d != b * c:
            break
    e, f = a * x + b * y, c * x + d * y
    determinant = a * d - b * c
    question = (
        f"Find the ordered pair $(x, y)$ that satisfies ${leading(a, 'x')} {signed(b, 'y')} = {e}$ and "
        f"${leading(c, 'x')} {signed(d, 'y')} = {f}$."
    )
    steps = [
        f"Multiply the first equation by ${d}$ and the second by ${b}$ and subtract: "
        f"${leading(determinant, 'x')} = {e * d - f * b}$, so $x = {x}$.",
        f"Put it into the first equation: ${leading(b, 'y')} = {e} - ({a * x}) = {b * y}$, so $y = {y}$.",
    ]
    return Draft(question, f"({x}, {y})", steps)


def quadratic(rng: Random, difficulty: int) -> Draft:
    """The sum of the squares of the roots, by Vieta; or, up to difficulty 2, both roots."""
    bound = 8 + 4 * difficulty
    first, second = nonzero(rng, bound), nonzero(rng, bound)
    lead = 1 if difficulty < 4 else rng.randint(2, 4)
    total, product = first + second, first * second
    middle = f" {signed(-lead * total, 'x')}" if total else ""
    text = f"{leading(lead, 'x^2')}{middle} {signed(lead * product)} = 0"
    vieta = f"By Vieta the roots sum to ${total}$ and multiply to ${product}$."
    if difficulty <= 2:
        roots = sorted({first, second})
        steps = [vieta, f"The numbers that do are ${first}$ and ${second}$."]
        return Draft(f"Find all solutions of ${text}$.", ", ".join(map(str, roots)), steps)
    value = total**2 - 2 * product
    steps = [vieta, f"The squares sum to $({total})^2 - 2 \\cdot ({product}) = {value}$."]
    return Draft(
        f"What is the sum of the squares of the roots, counted with multiplicity, of ${text}$?", str(value), steps
    )


EQUATION_TEMPLATES = (
    Template("linear-equation", "algebra", linear),
    Template("linear-system", "algebra", system),
    Template("quadratic", "algebra", quadratic),
)
