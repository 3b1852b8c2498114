"""The same rows under several rules: scores, pairwise disagreements, and the lines that show them."""

import gzip
import json
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from verify.audit import Audit, audit_file
from verify.grade_file import VerifyConfig
from verify.graders import RULES, find_rules

ALL = ("ours", "math-verify", "qwen", "tora", "minerva", "prm800k", "exact")
BIG = "\\frac{2^{1009}}{2^{1009}+%d}"
# reference, candidate, and the rules that call it correct.
PAIRS: list[tuple[str, str, str]] = [
    ("18", "18", "ours math-verify qwen tora minerva prm800k exact"),
    ("\\frac{1}{2}", "\\dfrac12", "ours math-verify qwen tora minerva prm800k"),
    ("1{,}000", "1000", "ours qwen tora minerva prm800k"),
    ("30", "30\\%", "math-verify qwen tora minerva prm800k"),
    ("300", "3", "qwen"),
    ("2019!", "2020!", ""),
    ("\\frac{1}{3}", "0.333", ""),
    ("0.333", "\\frac{1}{3}", "ours"),
    ("5", "5\\text{ cm}", "ours math-verify qwen tora minerva prm800k"),
    ("5\\text{ m}", "5\\text{ cm}", "math-verify qwen tora minerva prm800k"),
    (BIG % 1009, BIG % 2018, "math-verify"),
    ("0", "0.0005", "tora"),
    ("[1,2]", "(1,2)", "qwen"),
]


def _write(path: Path, pairs: list[tuple[str, str, str]] = PAIRS) -> Path:
    lines = [json.dumps({"gold": pair[0], "pred": pair[1], "id": number}) for number, pair in enumerate(pairs)]
    path.write_text("\n".join(lines))
    return path


def _audit(path: Path, rules: tuple[str, ...], output: Path | None = None, **config: object) -> Audit:
    return audit_file(path, find_rules(rules), VerifyConfig.model_validate(config), output, quiet=True)


def _lines(audit: Audit) -> list[dict[str, object]]:
    return [json.loads(line) for line in audit.output.read_text().splitlines()]


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return _audit(_write(tmp_path_factory.mktemp("pairs") / "pairs.jsonl"), ALL)


def _says(rule: str) -> list[bool]:
    return [rule in pair[2].split() for pair in PAIRS]


def test_the_score_of_a_rule_is_the_share_of_rows_it_calls_correct(audit):
    assert audit.rows == len(PAIRS)
    assert dict(audit.correct) == {
        "ours": 5, "math-verify": 6, "qwen": 8, "tora": 7, "minerva": 6, "prm800k": 6, "exact": 1,
    }  # fmt: skip
    assert {rule: audit.score(rule) for rule in ALL} == {rule: sum(_says(rule)) / len(PAIRS) for rule in ALL}
    assert set(audit.ungraded.values()) == {0}


def test_each_two_rules_are_counted_where_one_says_correct_and_the_other_does_not(audit):
    expected = {
        (one, other): sum(a != b for a, b in zip(_says(one), _says(other), strict=True))
        for number, one in enumerate(ALL)
        for other in ALL[number + 1 :]
    }
    assert {pair: audit.disagreements[pair] for pair in expected} == expected
    assert audit.disagreements["ours", "math-verify"] == 5
    assert audit.disagreements["ours", "exact"] == 4
    assert audit.disagreements["minerva", "prm800k"] == 0


def test_the_lines_are_the_rows_on_which_two_rules_disagree_and_what_each_says(audit):
    lines = _lines(audit)
    agreed = {number for number, pair in enumerate(PAIRS) if len(pair[2].split()) in (0, len(ALL))}
    assert [line["row"] for line in lines] == [number for number in range(len(PAIRS)) if number not in agreed]
    for line in lines:
        reference, candidate, correct = PAIRS[line["row"]]
        assert (line["reference"], line["candidate"]) == (reference, candidate)
        assert list(line["grades"]) == list(ALL)
        assert {rule for rule, grade in line["grades"].items() if grade["correct"]} == set(correct.split())
        assert all(grade["why"] for grade in line["grades"].values())
    assert audit.examples == lines


def test_the_big_rationals_are_told_apart_by_ours_and_not_by_floats(audit):
    (line,) = [line for line in _lines(audit) if line["reference"] == BIG % 1009]
    assert line["grades"]["ours"] == {"correct": False, "why": "different: two rational numbers"}
    assert line["grades"]["math-verify"] == {"correct": True, "why": "math_verify.verify"}


@pytest.mark.parametrize("name", ["pairs.jsonl.gz", "pairs.jsonl"])
def test_the_lines_are_written_beside_the_file_and_nothing_else_is_left(tmp_path, name):
    path = _write(tmp_path / name)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    audit = _audit(path, ("ours", "exact"))
    assert audit.output == tmp_path / "pairs.audit.jsonl"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, "pairs.audit.jsonl"])
    assert len(_lines(audit)) == audit.disagreements["ours", "exact"] == 4


def test_the_output_goes_where_it_is_asked_to(tmp_path):
    audit = _audit(_write(tmp_path / "pairs.jsonl"), ("ours", "exact"), tmp_path / "out.jsonl")
    assert audit.output == tmp_path / "out.jsonl"
    assert len(_lines(audit)) == 4


def test_one_rule_alone_has_a_score_and_no_lines(tmp_path):
    audit = _audit(_write(tmp_path / "pairs.jsonl"), ("ours",))
    assert (audit.score("ours"), audit.output.read_text()) == (5 / len(PAIRS), "")
    assert not audit.disagreements


def test_a_limit_and_asked_columns_are_kept(tmp_path):
    path = _write(tmp_path / "pairs.jsonl")
    assert _audit(path, ("ours", "exact"), limit=2).rows == 2
    same = _audit(path, ("exact",), reference="pred", candidate="pred")
    assert same.score("exact") == 1.0


def test_rows_that_a_rule_comes_to_no_grade_for_are_counted_and_disagree_with_correct(tmp_path):
    audit = _audit(_write(tmp_path / "pairs.jsonl", [("\\frac{", "7", "")]), ("ours", "exact"))
    assert audit.ungraded == {"ours": 1, "exact": 0}
    assert (audit.correct["ours"], audit.disagreements.total(), audit.output.read_text()) == (0, 0, "")


def test_hundreds_of_rows_stay_in_their_order(tmp_path):
    pairs = [(str(number), f"{number}.0" if number % 2 else str(number), "") for number in range(450)]
    audit = _audit(_write(tmp_path / "pairs.jsonl", pairs), ("ours", "exact"), workers=4)
    assert (audit.rows, audit.score("ours"), audit.score("exact")) == (450, 1.0, 0.5)
    assert [line["reference"] for line in _lines(audit)] == [str(number) for number in range(1, 450, 2)]


def test_lone_surrogates_are_written_as_json(tmp_path):
    audit = _audit(_write(tmp_path / "pairs.jsonl", [("2", "\ud800 \\boxed{2.0}", "")]), ("ours", "exact"))
    assert [line["candidate"] for line in _lines(audit)] == ["\ud800 \\boxed{2.0}"]


def test_an_unknown_rule_is_named_with_those_that_exist():
    with pytest.raises(InputError) as caught:
        find_rules(["ours", "mathverify"])
    assert str(caught.value) == f"rule 'mathverify': one of {', '.join(ALL)}; name rules that exist"
    assert tuple(RULES) == ALL


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "at least one row"),
        (
            '{"statement": "s", "proof": "p"}\n',
            "rows with a reference and a candidate; audit compares rules for answers",
        ),
        ('{"code": "print(1)", "answer": "1"}\n', "rows with a reference and a candidate"),
        ('{"gold": "1"}\n', "a column with the candidate"),
        ('{"gold": "1", "pred": "1"}\n{torn', "line 2"),
    ],
)
def test_files_that_hold_no_answers_are_refused(tmp_path, content, said):
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises(InputError, match=said):
        _audit(tmp_path / "rows.jsonl", ("ours",))
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl"]
