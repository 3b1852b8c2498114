"""Every record that crosses a folder boundary. A shard on disk is a Parquet table of one of these types.

Fields hold only what `mathpipe.core.store` can turn into Arrow: str, int, float, bool, bytes, an enum of
strings, `X | None`, `list[X]`, and other dataclasses. Offsets and lengths are bytes; scores lie in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b


class FormulaSource(StrEnum):
    """How a formula stood in the page."""

    TEX_DELIMITERS = "tex-delimiters"  # \(..\) \[..\] $..$ $$..$$ and environments in running text
    TEX_SCRIPT = "tex-script"  # script[type^="math/tex"]
    ASCIIMATH = "asciimath"  # script[type="math/asciimath"], backquotes on ASCIIMath pages
    MATHML_ANNOTATION = "mathml-annotation"  # <annotation encoding="application/x-tex">
    MATHML_ALTTEXT = "mathml-alttext"  # <math alttext="...">
    MATHML = "mathml"  # MathML without a TeX source: converted
    KATEX = "katex"  # KaTeX output
    DATA_ATTRIBUTE = "data-attribute"  # data-math, data-latex, data-tex and their kin
    MATHJAX_ASSISTIVE = "mathjax-assistive"  # MathJax output with assistive MathML: converted
    MATHJAX_CHTML = "mathjax-chtml"  # MathJax CHTML without a source: rebuilt from the layout
    MATHJAX_SVG = "mathjax-svg"  # MathJax SVG without a source: rebuilt from the layout
    IMAGE_ALT = "image-alt"  # <img alt="LaTeX">
    IMAGE_URL = "image-url"  # wp-latex, codecogs, mimetex, latex.php and their kin
    MATH_CLASS = "math-class"  # Sphinx span.math, div.math; StackExchange .math-container


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula as LaTeX without delimiters; `display` is true for a formula on a line of its own."""

    latex: str
    display: bool
    source: FormulaSource


@dataclass(frozen=True, slots=True)
class FormulaCount:
    """Formulas of one source type that were found in the page, and how many of them reached the text."""

    source: FormulaSource
    found: int
    emitted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPage:
    """One HTTP response as it lies in a WARC.

    `record_id` is stable across runs and machines: it depends on the WARC's file name and the byte offset.
    `clipped` is true where the crawl says it cut the body (WARC-Truncated), or the body is shorter than its
    Content-Length, or the WARC ends inside it. `body` holds at most the reader's limit of bytes;
    `body_length` counts what was there.
    """

    record_id: str
    url: str
    body: bytes
    status: int = 200
    content_type: str = ""
    body_length: int = 0
    clipped: bool = False
    warc: str = ""
    warc_offset: int = -1
    warc_length: int = -1
    crawl_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as text with its formulas kept: `$…$` inline, `$$…$$` display, a literal dollar as `\\$`.

    Later stages fill what is None here; the columns are the same from the crawl to the curated shards.
    """

    record_id: str
    url: str
    host: str
    title: str
    text: str
    formulas: list[Formula] = field(default_factory=list)
    formula_counts: list[FormulaCount] = field(default_factory=list)
    charset: str = ""
    prefilter: str = ""  # what the prefilter saw: "markup:<keyword>", "ngrams:<score>"
    warc: str = ""
    warc_offset: int = -1
    warc_length: int = -1
    crawl_date: str = ""
    license: str | None = None  # what the page states, a short name or a URL; None: it states nothing, not "free"
    language: str | None = None  # ISO 639-1
    language_score: float | None = None
    math_score: float | None = None  # probability of mathematics by the classifier
    copies: int | None = None  # near-duplicates in the page's cluster, itself included


class SeedLabel(StrEnum):
    """What a person or a trusted source says a seed page is."""

    MATH = "math"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedPage:
    """A labelled page to learn from: the prefilter's n-grams are mined and the classifier is trained on these."""

    record_id: str
    url: str
    host: str
    label: SeedLabel
    text: str
    formula_count: int = 0


@dataclass(frozen=True, slots=True)
class Drop:
    """A record that goes no further, and why. `reason` is a member of the dropping package's StrEnum."""

    record_id: str
    reason: str
    url: str = ""
    detail: str = ""


class Outcome(StrEnum):
    """What a verifier says of a claim. Only CORRECT and WRONG are judgements; the rest say why there is none."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no-answer"  # the candidate holds nothing that could be judged, or the reference cannot be read
    TIMEOUT = "timeout"  # killed at its limit of time
    CRASH = "crash"  # its process died: memory, a signal, a fault of ours
    UNAVAILABLE = "unavailable"  # what would judge it is not installed here


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, why in a sentence, the seconds it took, and the verifier's own reason code (a StrEnum's value)."""

    outcome: Outcome
    detail: str
    seconds: float = 0.0
    reason: str = ""


def record_id_of(*parts: str | int) -> str:
    """Stable 128-bit identifier of the parts, as 32 hexadecimal digits."""
    return blake2b("\x00".join(map(str, parts)).encode(errors="surrogatepass"), digest_size=16).hexdigest()


class ProblemKind(StrEnum):
    """What counts as solving a problem: an answer, a proof that Lean accepts, or a program that passes tests."""

    ANSWER = "answer"
    PROOF = "proof"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class ProgramTest:
    """What a program reads and must print."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem, wherever it came from.

    `problem_id` depends on source and question alone. `answer` is None where no reference is known. `statement` is a
    Lean statement (PROOF), `tests` are a program's (kind CODE). `origin` says where it stands: a file and line, a
    URL, or a generator and its seed.
    """

    problem_id: str
    source: str
    split: str
    kind: ProblemKind
    question: str
    answer: str | None = None
    solution: str | None = None
    statement: str | None = None
    tests: list[ProgramTest] = field(default_factory=list)
    subject: str | None = None
    level: str | None = None
    license: str | None = None
    origin: str = ""


class Form(StrEnum):
    """How a solution is written."""

    CHAIN_OF_THOUGHT = "cot"
    PROGRAM = "pot"
    TOOL_INTEGRATED = "tir"
    PROOF = "proof"


class SegmentKind(StrEnum):
    """Who wrote a piece of a solution: the model's prose, the model's program, or the program's output."""

    TEXT = "text"
    CODE = "code"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a solution, in order."""

    kind: SegmentKind
    text: str


class Finish(StrEnum):
    """Why a sample ended."""

    STOP = "stop"
    LENGTH = "length"
    ROUNDS = "rounds"  # tool-integrated: the limit of programs was reached
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One solution that a model wrote, before or after it was judged.

    `sample_id` depends on the problem, the form, the engine's settings and the seed. `text` is all of it, program
    outputs included; `answer` is what was extracted (None: nothing). `outcome` is None until a verifier has judged.
    """

    sample_id: str
    problem_id: str
    form: Form
    index: int
    seed: int
    model: str
    text: str
    segments: list[Segment]
    finish: Finish
    prompt_tokens: int
    completion_tokens: int
    answer: str | None = None
    outcome: Outcome | None = None
    detail: str = ""
