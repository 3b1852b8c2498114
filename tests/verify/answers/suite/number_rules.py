"""Rules that respell one numeral of a tree: each takes the digits and gives a tree of the same value, or None.

The value is kept exactly; `test_rewriting_rules.py` checks every rule against mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from tests.verify.answers.suite.trees import Tree, number, read

NumberRule = Callable[[int], Tree | None]


def _formatted(text: str, condition: Callable[[int], bool] = lambda n: True) -> NumberRule:
    """The rule that fills n and small expressions of it into `text`."""

    def rule(n: int) -> Tree | None:
        return (
            read(
                text.format(
                    n=n,
                    up=n + 1,
                    down=n - 1,
                    two=2 * n,
                    three=3 * n,
                    square=n * n,
                    cube=n**3,
                    ten=10 * n,
                    sum=n * (n + 1) // 2,
                    power=2 ** min(n, 60),
                )
            )
            if condition(n)
            else None
        )

    return rule


def _factored(n: int) -> Tree | None:
    divisor = next((d for d in range(2, min(math.isqrt(n) + 1, 10_000)) if n % d == 0), None) if n > 3 else None
    return None if divisor is None else read(f"{divisor}*{n // divisor}")


def _prime_powers(n: int) -> Tree | None:
    if not 3 < n < 10**7:
        return None
    parts, rest, prime = [], n, 2
    while rest > 1:
        exponent = 0
        while rest % prime == 0:
            rest, exponent = rest // prime, exponent + 1
        if exponent:
            parts.append(f"{prime}**{exponent}" if exponent > 1 else str(prime))
        prime += 1
        if prime * prime > rest > 1:
            prime = rest
    return read("*".join(parts)) if len(parts) > 1 or "**" in parts[0] else None


def _perfect_power(n: int) -> Tree | None:
    for exponent in range(20, 1, -1):
        root = round(n ** (1 / exponent))
        if n > 1 and root > 1 and root**exponent == n:
            return read(f"{root}**{exponent}")
    return None


def _digits(n: int) -> Tree | None:
    """Place by place: 342 is 3·100 + 4·10 + 2."""
    if n < 11:
        return None
    places = [f"{digit}*{10**place}" for place, digit in enumerate(reversed(str(n))) if digit != "0"]
    return read("+".join(reversed(places)))


def _scientific(n: int) -> Tree | None:
    if n < 1000:
        return None
    digits = str(n).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return read(f"{mantissa}*10**{len(str(n)) - 1}")


def _factorial(n: int) -> Tree | None:
    known = {math.factorial(k): k for k in range(3, 21)}
    return read(f"factorial({known[n]})") if n in known else None


def _triangular(n: int) -> Tree | None:
    side = (math.isqrt(8 * n + 1) - 1) // 2
    return read(f"binomial({side + 1},2)") if side > 1 and side * (side + 1) // 2 == n else None


SMALL = 10**6
INTEGER_RULES: dict[str, NumberRule] = {
    "one up, one down": _formatted("{up}-1"),
    "one down, one up": _formatted("{down}+1", lambda n: n > 0),
    "a float": _formatted("{n}.0"),
    "a float of two places": _formatted("{n}.00"),
    "over one": _formatted("{n}/1"),
    "double over two": _formatted("{two}/2"),
    "triple over three": _formatted("{three}/3"),
    "ten times over ten": _formatted("{ten}/10"),
    "root of its square": _formatted("sqrt({square})", lambda n: 0 < n < SMALL),
    "cube root of its cube": _formatted("root({cube},3)", lambda n: 0 < n < SMALL),
    "binary logarithm of its power": _formatted("log({power},2)", lambda n: 0 < n < 40),
    "logarithm of its exponential": _formatted("ln(exp({n}))", lambda n: 0 < n < 60),
    "decimal logarithm of its power": _formatted("lg(10**{n})", lambda n: 0 < n < 60),
    "modulus of the negative": _formatted("abs(-{n})"),
    "floor of a little more": _formatted("floor({n}.5)"),
    "ceiling of a little less": _formatted("ceil({down}.5)", lambda n: n > 0),
    "binomial of one below": _formatted("binomial({n},1)", lambda n: 1 < n < SMALL),
    "binomial of one less": _formatted("binomial({n},{down})", lambda n: 1 < n < SMALL),
    "factorial quotient": _formatted("factorial({n})/factorial({down})", lambda n: 1 < n < 60),
    "greatest common divisor": _formatted("gcd({two},{three})", lambda n: 1 < n < SMALL),
    "maximum": _formatted("max({n},{down})", lambda n: n > 0),
    "minimum": _formatted("min({n},{up})"),
    "difference of doubles": _formatted("{three}-{two}"),
    "double less itself": _formatted("{two}-{n}"),
    "square over itself": _formatted("{square}/{n}", lambda n: n > 0),
    "root times root": _formatted("sqrt({n})*sqrt({n})", lambda n: 1 < n < SMALL),
    "square of its root": _formatted("sqrt({n})**2", lambda n: 1 < n < SMALL),
    "first power": _formatted("{n}**1", lambda n: n > 1),
    "half of the double as a decimal": _formatted("0.5*{two}"),
    "reciprocal of the reciprocal": _formatted("1/(1/{n})", lambda n: n > 0),
    "power of its reciprocal": _formatted("(1/{n})**(-1)", lambda n: n > 1),
    "two less from two more": _formatted("({up}+{down})/2", lambda n: n > 0),
    "sum of halves": _formatted("{n}/2+{n}/2"),
    "tangent of a half right angle": _formatted("{n}*tan(pi/4)"),
    "half a turn's cosine": _formatted("-{n}*cos(pi)"),
    "modulus of a multiple of i": _formatted("abs({n}*I)"),
    "two factors": _factored,
    "prime powers": _prime_powers,
    "a perfect power": _perfect_power,
    "place by place": _digits,
    "scientific": _scientific,
    "a factorial": _factorial,
    "a triangular number": _triangular,
}


def respell_integer(rule: NumberRule, tree: Tree) -> Tree | None:
    """The rule applied to an integer numeral; None where it does not apply."""
    return rule(int(tree[1])) if tree[0] == "num" and tree[1].isdigit() and len(tree[1]) < 16 else None


def fraction_as_decimal(tree: Tree) -> Tree | None:
    """p/q as its finite decimal, where there is one of at most nine places."""
    if tree[0] != "/" or tree[1][0] != "num" or tree[2][0] != "num" or not (tree[1][1] + tree[2][1]).isdigit():
        return None
    value = Fraction(int(tree[1][1]), max(int(tree[2][1]), 1))
    places = next((p for p in range(1, 10) if 10**p % value.denominator == 0), None)
    if places is None or value.denominator == 1:
        return None
    digits = str(value.numerator * 10**places // value.denominator).rjust(places + 1, "0")
    return ("num", f"{digits[:-places]}.{digits[-places:]}")


def decimal_as_fraction(tree: Tree) -> Tree | None:
    """A decimal as p/q in lowest terms."""
    if tree[0] != "num" or "." not in tree[1]:
        return None
    value = Fraction(tree[1])
    return ("/", number(value.numerator), number(value.denominator))


def trailing_zero(tree: Tree) -> Tree | None:
    """0.5 as 0.50."""
    return ("num", tree[1] + "0") if tree[0] == "num" and "." in tree[1] else None


def whole_part_apart(tree: Tree) -> Tree | None:
    """22/7 as 3 + 1/7."""
    if tree[0] != "/" or tree[1][0] != "num" or tree[2][0] != "num" or not (tree[1][1] + tree[2][1]).isdigit():
        return None
    whole, rest = divmod(int(tree[1][1]), int(tree[2][1]))
    return ("+", number(whole), ("/", number(rest), tree[2])) if whole and rest else None


def square_out_of_the_root(tree: Tree) -> Tree | None:
    """√12 as 2√3."""
    if tree[:2] != ("call", "sqrt") or tree[2][0] != "num" or not tree[2][1].isdigit():
        return None
    radicand = int(tree[2][1])
    side = next((k for k in range(math.isqrt(radicand), 1, -1) if radicand % (k * k) == 0), None)
    return ("*", number(side), ("call", "sqrt", number(radicand // side**2))) if side and radicand < SMALL else None


TREE_RULES: dict[str, Callable[[Tree], Tree | None]] = {
    "fraction as a decimal": fraction_as_decimal,
    "decimal as a fraction": decimal_as_fraction,
    "trailing zero": trailing_zero,
    "whole part apart": whole_part_apart,
    "square out of the root": square_out_of_the_root,
}
