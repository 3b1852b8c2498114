"""Solutions as a person sees them: on a terminal, and piped."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from mathpipe.cli import cli
from mathpipe.core.errors import InputError
from mathpipe.core.records import Form, Problem, ProblemKind, ProgramTest
from mathpipe.inspect.look import inspect_paths
from mathpipe.inspect.solution_records import Look
from tests.inspect.small_solutions import (
    FRACTIONS,
    HOSTILE,
    LATE,
    OPEN,
    RIGHT,
    TOOL,
    TOOLS,
    WRONG,
    sample,
    write_samples,
)


def piped(path: Path, **asked: object) -> list[str]:
    console = Console(file=io.StringIO(), width=40)
    inspect_paths([str(path)], console=console, **asked)  # type: ignore[arg-type]
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def on_terminal(path: Path, width: int = 120, **asked: object) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    inspect_paths([str(path)], console=console, **asked)  # type: ignore[arg-type]
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_the_summary_and_the_table_of_a_run(generation: Path) -> None:
    lines = on_terminal(generation, width=160)
    text = "\n".join(lines)
    assert lines[0].split() == ["generation", "run", "little"]
    assert lines[1].split(maxsplit=1) == ["amount", "4 problems, 10 samples"]
    assert "✓ 2 correct 20.0%   ✗ 2 wrong 20.0%   ∅ 1 no answer 10.0%   ≈ 3 agrees 30.0%" in text
    assert "0: 1 · to 0.5: 1 · to 0.75: 1 · 1: 1 · mean 0.521" in text
    assert "112 written, mean 11, longest 13" in text
    row = next(line for line in lines if FRACTIONS.problem_id[:8] in line)
    assert row.endswith("✓1 ✗1 ∅1 ·1")
    assert row.split("  ")[2] == "A cake costs $5 and a pie $6. What is 1/2 + 1/3 of a cake?"
    assert row.split()[-6:-4] == ["5/6", "0.3333"]


def test_piped_every_cell_is_whole_and_as_it_was_written(generation: Path) -> None:
    lines = piped(generation)
    head = lines.index("#\tid\tquestion\tanswer\tpass_rate\tverdicts")
    assert lines[head + 1].split("\t") == [
        "0",
        FRACTIONS.problem_id[:8],
        FRACTIONS.question,
        r"\frac{5}{6}",
        "0.3333",
        "1 correct, 1 wrong, 1 no-answer, 1 not-judged",
    ]


def test_a_right_sample_is_shown_with_its_answer_and_why(generation: Path) -> None:
    text = "\n".join(on_terminal(generation, record=RIGHT.sample_id))
    assert "── sample 1 of 4 ── ✓ correct ── the one asked for" in text
    assert "answer     5/6\nwhy        same-text: the same text\nselection  kept\n" in text
    assert "text │ 1/2 + 1/3 = 5/6 so ⟦5/6⟧." in text
    assert "tokens 10 written, 50 in the prompt" in text
    assert "seed 100" in text


def test_a_wrong_sample_says_why(generation: Path) -> None:
    text = "\n".join(on_terminal(generation, record=FRACTIONS.problem_id))
    assert "── sample 2 of 4 ── ✗ wrong\nanswer     2/5\nwhy        different: two rational numbers" in text
    assert "── sample 3 of 4 ── ∅ no answer\nanswer     (none found)" in text


def test_a_sample_that_nobody_judged_says_so(generation: Path) -> None:
    lines = on_terminal(generation, record=LATE.sample_id)
    place = lines.index("── sample 4 of 4 ── · not judged ── the one asked for")
    assert lines[place + 1].split() == ["answer", "5/6"]
    assert not any("why" in line for line in lines[place:])


def test_the_question_and_the_reference_are_readable(generation: Path) -> None:
    text = "\n".join(on_terminal(generation, record="0"))
    assert "A cake costs $5 and a pie $6. What is 1/2 + 1/3 of a cake?" in text
    assert "reference solution\nThe sum is ⟦5/6⟧." in text
    assert "answer: 5/6\npass rate: 0.333\n" in text


def test_programs_and_outputs_are_told_apart(generation: Path) -> None:
    lines = on_terminal(generation, record=TOOLS.problem_id)
    place = lines.index("text    │ Let me compute.")
    assert lines[place : place + 7] == [
        "text    │ Let me compute.",
        "program │ print(undefined)",
        "output  │ NameError: name 'undefined'",
        "program │ # the first three",
        "        │ print(2 * 3 * 5)",
        "output  │ 30",
        "text    │ So the product is ⟦30⟧.",
    ]


def test_a_program_has_colours_on_a_terminal(generation: Path) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=100)
    inspect_paths([str(generation)], console=console, record=TOOL.sample_id)
    assert "\x1b[34mprint\x1b[0m(\x1b[36m2\x1b[0m" in console.file.getvalue()  # type: ignore[attr-defined]


def test_piped_a_sample_stands_as_it_was_written(generation: Path) -> None:
    lines = piped(generation, record=TOOLS.problem_id)
    place = lines.index("[program]")
    assert lines[place : place + 4] == ["[program]", "print(undefined)", "[output]", "NameError: name 'undefined'"]
    assert r"So the product is $\boxed{30}$." in lines


def test_a_majority_is_named(generation: Path) -> None:
    text = "\n".join(on_terminal(generation, record=OPEN.problem_id))
    assert "majority's answer: 7" in text
    assert "── sample 3 of 4 ── ≠ differs from the majority" in text


def test_one_verdict_alone(generation: Path) -> None:
    text = "\n".join(on_terminal(generation, record="0", verdict=Look.WRONG))
    assert "sample 2 of 4" in text
    assert "sample 1 of 4" not in text
    rows = on_terminal(generation, verdict=Look.WRONG)
    assert rows[-1] == "2 matches"


def test_a_search_shows_the_sample_that_matched(generation: Path) -> None:
    lines = piped(generation, search="NameError")
    assert lines[-1] == "1 match"
    assert "NameError: name 'undefined'" in lines[-2].split("\t")[-1]


def test_hostile_text_neither_colours_nor_moves_the_cursor(generation: Path) -> None:
    for lines in (
        piped(generation),
        piped(generation, record=HOSTILE.problem_id),
        on_terminal(generation),
        on_terminal(generation, record=HOSTILE.problem_id),
        on_terminal(generation, search="script"),
        piped(generation, columns=["origin", "subject", "model"]),
    ):
        text = "\n".join(lines)
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "[bold red]markup[/]" in "".join(piped(generation, record=HOSTILE.problem_id))


def test_proofs_and_tests_are_shown(tmp_path: Path) -> None:
    given = {"source": "small", "split": "train"}
    proof = Problem(
        problem_id="proof", kind=ProblemKind.PROOF, question="", statement="theorem t : 1 = 1 := by", **given
    )
    code = Problem(
        problem_id="code", kind=ProblemKind.CODE, question="Double it.", tests=[ProgramTest("2\n", "4\n")], **given
    )
    write_samples(tmp_path, [proof, code], [sample(proof, 0, [("code", "rfl -- easy")], "rfl", form=Form.PROOF)])
    text = "\n".join(on_terminal(tmp_path, record="proof"))
    assert "statement\ntheorem t : 1 = 1 := by" in text
    assert "program │ rfl -- easy" in text
    assert "test 1 reads\n2\n\nand must print\n4" in "\n".join(on_terminal(tmp_path, record="code"))


def test_a_sample_without_text_says_so(tmp_path: Path) -> None:
    write_samples(tmp_path, [FRACTIONS], [sample(FRACTIONS, 0, [], None)])
    assert "(no text)" in on_terminal(tmp_path, record="0")


def test_a_narrow_terminal_folds_and_loses_nothing(generation: Path) -> None:
    lines = on_terminal(generation, width=40, record=TOOLS.problem_id)
    assert max(map(len, lines)) <= 40
    assert "program │ print(undefined)" in lines


def test_pages_are_shown_as_before(run: Path) -> None:
    assert piped(run)[1].split("\t") == ["#", "score", "lang", "formulas", "length", "title", "url"]


@pytest.mark.parametrize("asked", [{"verdict": Look.WRONG}, {"html": Path("page.html")}])
def test_pages_have_no_verdicts_and_no_page(run: Path, asked: dict[str, object]) -> None:
    with pytest.raises(InputError, match="problems with their solutions, which these shards are not"):
        piped(run, **asked)


def test_the_command_shows_a_problem_and_writes_a_page(generation: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(cli, ["inspect", str(generation), "--record", WRONG.sample_id[:8]])
    assert shown.exit_code == 0
    assert "✗ wrong ── the one asked for" in shown.output
    page = tmp_path / "page.html"
    written = CliRunner().invoke(cli, ["inspect", str(generation), "--verdict", "wrong", "--html", str(page)])
    assert written.output == f"page:    {page}\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
