"""Strings that try to break a grader: real answers mutated, and LaTeX grown from a grammar; seeded, repeatable.

What goes wrong in practice: floods of digits, towers of powers, deep nesting, unbalanced braces, odd Unicode (NUL,
lone surrogates, right-to-left marks, combining characters), and a million characters of anything.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.verify.answers.suite.rewriting import bases

MEGABYTE = 2**20
ODD = "\x00 \ud800 \udfff \u202e \u200b \u0301 \ufeff \U0001f600 ٣ Ⅷ ½ \x7f \u2028 𝟙 ﬁ".split(" ")
PIECES = [
    "{", "}", "\\", "$", "^", "_", "&", "#", "%", "~", "(", ")", "[", "]", "|", "!", ",", ";", ":", "=", "<", ">",
    r"\frac", r"\sqrt", r"\left", r"\right", r"\boxed{", r"\begin{pmatrix}", r"\end{pmatrix}", r"\\", r"\text{",
    r"\sum_{k=1}^{10^9}", r"\int_0^\infty", r"\lim_{x\to 0}", r"\binom{10^9}{5}", r"\pm", r"\cup", "9^{9^{9}}",
    "10^10", "1e999999999", "!!!", "∞", "√", "⅓", "²", "/0", "0/0", "-" * 50, "9" * 300, "the answer is", "####",
    "\n", "or",
]  # fmt: skip
BRACKETS = [
    ("{", "}"), ("(", ")"), ("[", "]"), ("|", "|"), (r"\left(", r"\right)"), (r"\sqrt{", "}"), (r"\frac{1}{", "}"),
    (r"\boxed{", "}"), (r"\sin(", ")"), ("-", ""), ("", "!"),
]  # fmt: skip
LEAVES = [
    "x", "y", "n", "2", "7", "0", "-1", "0.1", "e", "i", r"\pi", r"\alpha", r"\infty", "10^9", "999999999999",
    "123456789123456789", "1,000", r"50\%", "a_{n}",
]  # fmt: skip
FORMS = [
    "{} + {}", "{} - {}", r"{} \cdot {}", "{}{}", r"\frac{{{}}}{{{}}}", "{{{}}}^{{{}}}", "({})^{{{}}}",
    "{}^{}^{}", r"\sqrt{{{}}}", r"\sqrt[{}]{{{}}}", r"\sin({})", r"\tan {}", r"\log_{{{}}} {}", r"\ln({})",
    "({})!", "|{}|", r"\binom{{{}}}{{{}}}", r"\sum_{{k=1}}^{{{}}} {}", r"\prod_{{k={}}}^{{{}}} k",
    r"\int_{{{}}}^{{{}}} x \, dx", r"\lim_{{x \to {}}} {}", "{} = {}", r"{} < {} \le {}", "[{}, {})", "({}, {})",
    r"\{{{}, {}, {}\}}", r"\begin{{pmatrix}} {} & {} \\ {} & {} \end{{pmatrix}}", r"{} \pm {}", r"{} \cup {}",
    r"{} \pmod{{{}}}", "{}:{}", r"\begin{{cases}} {} & x>{} \\ {} & \text{{otherwise}} \end{{cases}}",
    r"\gcd({}, {})", r"\lfloor {} \rfloor", "{}_{{{}}}", r"\text{{{}}}", r"{} \text{{ or }} {}", r"\boxed{{{}}}",
    "${}$", "f({}) = {}", r"{} \text{{ cm}}", r"\frac{{d}}{{dx}} {}", r"\Gamma({})", r"\overline{{{}}}",
    r"0.\overline{{{}}}", "e^{{{}}}", r"\arcsin({})",
]  # fmt: skip
EXPONENTS = ["10", "100", "9^{9}", "10^{10^{10}}", "-10^{9}", "99999999999", "x^{x^{x}}", "0", "1/0"]


def _position(text: str, generator: random.Random) -> int:
    return generator.randint(0, len(text))


def deleted(text: str, generator: random.Random) -> str:
    """A stretch cut out."""
    start, end = sorted((_position(text, generator), _position(text, generator)))
    return text[:start] + text[end:]


def doubled(text: str, generator: random.Random) -> str:
    """A stretch repeated, up to 200 times."""
    start, end = sorted((_position(text, generator), _position(text, generator)))
    return text[:start] + text[start:end] * generator.choice([2, 3, 20, 200]) + text[end:]


def inserted(text: str, generator: random.Random) -> str:
    """A piece of LaTeX anywhere."""
    place = _position(text, generator)
    return text[:place] + generator.choice(PIECES) + text[place:]


def odd_character(text: str, generator: random.Random) -> str:
    """A character that few expect."""
    place = _position(text, generator)
    return text[:place] + generator.choice(ODD) * generator.choice([1, 1, 30]) + text[place:]


def nested(text: str, generator: random.Random) -> str:
    """The whole inside many of one bracket."""
    left, right = generator.choice(BRACKETS)
    depth = generator.choice([2, 10, 60, 400])
    return left * depth + text + right * generator.choice([depth, depth - 1, 0])


def raised(text: str, generator: random.Random) -> str:
    """A power, a tower or a factorial of it."""
    return rf"\left({text}\right)^{{{generator.choice(EXPONENTS)}}}" + generator.choice(["", "!", "^{2}"])


def flooded(text: str, generator: random.Random) -> str:
    """Digits without end in the middle."""
    place = _position(text, generator)
    return text[:place] + generator.choice("123456789.") * generator.choice([20, 400, 5000]) + text[place:]


def reversed_text(text: str, generator: random.Random) -> str:
    """Back to front."""
    return text[::-1]


MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    deleted, doubled, inserted, inserted, odd_character, nested, raised, flooded, reversed_text,
)  # fmt: skip


def mutated(generator: random.Random) -> str:
    """A real answer after one to four mutations, at most 200,000 characters."""
    text = generator.choice(bases()).text
    for _ in range(generator.randint(1, 4)):
        text = generator.choice(MUTATIONS)(text, generator)[:200_000]
    return text


def grown(generator: random.Random, depth: int = 0) -> str:
    """An expression from a grammar of LaTeX, its numbers and exponents chosen to hurt."""
    if depth > 5 or generator.random() < 0.2:
        return generator.choice(LEAVES)

    def part() -> str:
        return grown(generator, depth + 1)

    form = generator.choice(FORMS)
    return form.format(*(part() for _ in range(form.replace("{{", "").replace("}}", "").count("{}"))))


def hostile(generator: random.Random) -> str:
    """One string: mutated, grown, or grown and mutated."""
    kind = generator.random()
    if kind < 0.5:
        return mutated(generator)
    text = grown(generator)
    return generator.choice(MUTATIONS)(text, generator)[:200_000] if kind > 0.85 else text[:200_000]
