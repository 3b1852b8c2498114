"""A policy that gives each sum one of two answers it was taught, one of them right: a coin that GRPO can load."""

import json
from pathlib import Path

from mathpipe.core.records import Problem, ProblemKind
from mathpipe.generate.prompts import load_prompt
from tests.generate.tiny_model import make_tokenizer, save_tiny_model, teach

SUMS = [(3, 2), (4, 4), (1, 6), (5, 9)]


def question(left: int, right: int) -> str:
    return f"There are {left} cars and {right} more arrive. How many cars are there?"


def save_policy(folder: Path) -> Path:
    replies = [(pair, f"The answer is $\\boxed{{{sum(pair) + off}}}$.") for pair in SUMS for off in (0, 1)]
    return _taught(folder, replies)


def save_stepwise_policy(folder: Path) -> Path:
    """It reasons first: a sum that is right or wrong by one, and behind either an answer that is right or wrong."""
    replies = [
        (pair, f"{pair[0]} + {pair[1]} = {sum(pair) + slip}.\n\nThe answer is $\\boxed{{{sum(pair) + off}}}$.")
        for pair in SUMS[:2]
        for slip in (0, 1)
        for off in (0, 1)
    ]
    return _taught(folder, replies, steps=120)


def _taught(folder: Path, replies: list[tuple[tuple[int, int], str]], steps: int = 300) -> Path:
    texts = [_conversation(question(*pair), reply) for pair, reply in replies]
    return teach(save_tiny_model(folder, sharp=1.0), texts, steps=steps)


def write_problems(path: Path, pairs=SUMS, **more) -> Path:
    rows = [{"question": question(*pair), "answer": str(sum(pair))} | more for pair in pairs]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _conversation(asked: str, reply: str) -> str:
    problem = Problem(problem_id="p", source="s", split="train", kind=ProblemKind.ANSWER, question=asked)
    messages = [{"role": turn.role, "content": turn.content} for turn in load_prompt("math-cot").messages(problem)]
    prompt = make_tokenizer().apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return str(prompt).removeprefix("<s>") + reply + "<|end|>"
