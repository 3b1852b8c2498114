"""Small problems, and the solutions that the taught model knows by heart, as it sees them."""

from mathpipe.core.records import Form, Problem, ProblemKind
from mathpipe.generate.prompts import load_prompt
from tests.generate.tiny_model import make_tokenizer


def word_problem(number: int, question: str = "") -> Problem:
    return Problem(
        problem_id=f"p{number}",
        source="test",
        split="test",
        kind=ProblemKind.ANSWER,
        question=question or f"There are {number} cars and 2 more arrive. How many cars are there?",
    )


def theorem(number: int) -> Problem:
    return Problem(
        problem_id=f"t{number}",
        source="test",
        split="test",
        kind=ProblemKind.PROOF,
        question="",
        statement=f"theorem t{number} : {number} + 1 = {number + 1} := by sorry",
    )


SUM, LOOP, QUIET, PROVE = word_problem(3), word_problem(41), word_problem(5), theorem(1)
TOOL_SOLUTION = (
    "We add.\n```python\nprint(3 + 2)\n```\n```output\n5\n```\nThe answer is $\\boxed{5}$.",
    "Again.\n```python\nprint(1)\n```\n```output\n1\n```\nAgain.\n```python\nprint(1)\n```\n```output\n1\n```\n"
    "Again.\n```python\nprint(1)\n```\n",
    "The answer is 7.",
)


def _chat(form: Form, name: str, problem: Problem, reply: str) -> str:
    messages = [{"role": turn.role, "content": turn.content} for turn in load_prompt(name).messages(problem)]
    prompt = make_tokenizer().apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return str(prompt).removeprefix("<s>") + reply + "<|end|>"


TAUGHT = [
    *(
        _chat(Form.TOOL_INTEGRATED, "tool", problem, text)
        for problem, text in zip((SUM, LOOP, QUIET), TOOL_SOLUTION, strict=True)
    ),
    _chat(Form.PROGRAM, "program", SUM, "```python\nprint(3 + 2)\n```"),
    _chat(Form.PROOF, "lean-proof", PROVE, "```lean4\ntheorem t1 : 1 + 1 = 2 := by\n  norm_num\n```"),
]
