"""What the lexer makes of letters, signs and commands, and what cleaning does before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.latex_clean import clean
from verify.answers.latex_commands import COMMANDS, ESCAPES, FUNCTION_WORDS, IGNORED, SYMBOLS, VOCABULARY, Kind
from verify.answers.latex_letters import is_word
from verify.answers.lexer import tokenize
from verify.answers.parse import ParseError
from verify.answers.tree import FUNCTIONS


def shape(text):
    return " ".join(f"{token.kind.name.lower()}:{token.text}" for token in tokenize(text)[:-1])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("xy", "name:x name:y"),
        ("nRT", "name:n name:R name:T"),
        ("AB", "name:AB"),
        ("AB+C", "name:A name:B operator:+ name:C"),
        ("abcd", "name:a name:b name:c name:d"),
        ("apples", "word:apples"),
        ("Ann", "word:Ann"),
        ("sin", "function:sin"),
        ("sinx", "function:sin name:x"),
        ("cospi", "function:cos constant:pi"),
        ("sqrtx", "root:root name:x"),
        ("2pir", "number:2 constant:pi name:r"),
        ("5cm", "number:5 word:cm"),
        ("cm", "name:c name:m"),
        ("5 min", "number:5 word:min"),
        ("min(1,2)", "function:min open:( number:1 separator:, number:2 close:)"),
        ("x or y", "name:x join:or name:y"),
        ("x if y", "name:x condition:if name:y"),
        ("theta", "name:theta"),
        ("minus 5", "operator:- number:5"),
        ("a minus", "name:a word:minus"),
        ("5 in", "number:5 word:in"),
        ("x in (1,2)", "name:x relation:in open:( number:1 separator:, number:2 close:)"),
    ],
)
def test_runs_of_letters_are_names_words_or_products(text, tokens):
    assert shape(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (r"\left(\right)", "open:( close:)"),
        (r"\left.x\right.", "name:x"),
        (r"\text{or}", "join:or"),
        (r"\text{ab}", "word:ab"),
        (r"\mathrm{e}", "name:e"),
        (r"\mathbf{x}", "name:x"),
        (r"\{\}", "open:\\{ close:\\}"),
        (r"x\\y", "name:x separator:row name:y"),
        (r"x\\[4pt]y", "name:x separator:row name:y"),
        (r"\begin{array}{cc}1\end{array}", "begin:array number:1 finish:array"),
        (r"\not=", "relation:!="),
        (r"\color{red}x", "name:x"),
        ("$x$", "name:x"),
        ("$5", "currency:dollar number:5"),
        ("$$5$", "currency:dollar number:5"),
        (r"\$5", "currency:dollar number:5"),
        ("x**2", "name:x operator:^ number:2"),
        ("{-}5", "operator:- number:5"),
        ("5!=120", "number:5 operator:! relation:= number:120"),
        ("x!=5", "name:x relation:!= number:5"),
        (r"\quadx", "name:x"),
        (r"5 (red hats)", "number:5 word:red hats"),
        ("5 (a+b)", "number:5 open:( name:a operator:+ name:b close:)"),
    ],
)
def test_signs_and_commands_become_tokens(text, tokens):
    assert shape(text) == tokens


def test_a_token_knows_whether_a_blank_stands_before_it():
    assert [token.spaced for token in tokenize(r"1 2\,3\!4")] == [False, True, True, False, True]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("x²", "x^{2}"),
        ("x¹⁰", "x^{10}"),
        ("a₁₂", "a_{12}"),
        ("½", r"\frac{1}{2}"),
        ("−5", "-5"),
        ("𝑥", "x"),
        ("１２", "12"),
        ("٣", "3"),
        ("（1，2）", "(1,2)"),
        ("2π", r"2\pi "),
        ("ﬁve", "five"),
        ("9 m²", r"9\text{ m}^{2}"),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        ("**5**", "5"),
        ("<b>5</b>", "5"),
        ("np.sqrt(2)", "sqrt(2)"),
        ("x\u200b", "x"),
    ],
)
def test_cleaning_leaves_ascii_and_commands(text, cleaned):
    assert clean(text) == cleaned


@given(st.text(max_size=100))
def test_cleaning_twice_changes_no_letters(text):
    once = clean(text)
    assert len(once) <= 40 * len(text) + 1
    assert not any("０" <= character <= "９" for character in once)


@given(st.text(max_size=200))
def test_any_text_is_cut_or_refused(text):
    try:
        tokens = tokenize(clean(text))
    except ParseError:
        return
    assert tokens[-1].kind is Kind.END
    assert all(token.kind is not Kind.END for token in tokens[:-1])


@pytest.mark.parametrize("word", ["apples", "Evelyn", "odd", "yes", "Red", "EVELYN", "café", "solution"])
def test_words_are_words(word):
    assert is_word(word)


@pytest.mark.parametrize("run", ["xy", "xyz", "nRT", "abcd", "AB", "ABC", "NO", "wxyz", "ab"])
def test_products_are_no_words(run):
    assert not is_word(run)


def test_every_function_of_the_vocabulary_is_one_of_the_tree():
    named = {text for kind, text in [*COMMANDS.values(), *FUNCTION_WORDS.values()] if kind is Kind.FUNCTION}
    assert named - {"cbrt"} <= FUNCTIONS


def test_the_tables_do_not_contradict_one_another():
    assert not IGNORED & COMMANDS.keys()
    assert not VOCABULARY.keys() & FUNCTION_WORDS.keys()
    assert all(len(escape) == 1 for escape in ESCAPES)
    assert all(len(sign) <= 3 for sign in SYMBOLS)
