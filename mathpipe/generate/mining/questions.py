"""Whether a draft's question can be asked by itself and its answer checked.

In: the question's text. Out: the reason why not, or None. Words are those of English, French, German and Spanish
exercises. The rules drop what they are not sure of: a question that leans on a figure is worse than a question less.
"""

from __future__ import annotations

import re

from mathpipe.generate.mining.records import MineDropReason

_TASK = re.compile(
    r"\?|¿|\b(?:find|compute|calculate|evaluate|determine|solve|simplify|factor(?:i[sz]e)?|expand|differentiate"
    r"|integrate"
    r"|express|convert|estimate|count|work out|write|reduce|multiply|rationali[sz]e|divide|enter|what are"
    r"|give|list|rewrite|approximate|what is|how (?:many"
    r"|much|long|far)"
    r"|calcule[rz]?|déterminer?|trouver?|résoudre|berechne\w*|bestimme\w*|löse\w*|finde\w*|halla|calcula"
    r"|determina|resuelve"
    r"|simplifica)\b",
    re.IGNORECASE,
)
_UNCHECKABLE = re.compile(
    r"\b(?:prove|proof|show (?:that|why|how)|verify|demonstrate|justify|explain|describe|discuss|interpret"
    r"|compare|derive"
    r"|sketch|draw|plot|graph the|construct|design|implement|write (?:a|an|the) (?:program|function|script|code"
    r"|proof)"
    r"|conjecture|convince|check that|give an example|counter-?example|what happens|in your own words"
    r"|do you think|argue"
    r"|zeige|beweise|démontrer|montrer que|demuestra|prueba que|true or false|explore|experiment|investigate"
    r"|define (?:what|the term))\b",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"(?:^|[.?!]\s+)(?:why|how (?:do|does|can|could|would|should|to)|is (?:it|this|that|there)|are there|am i"
    r"|can (?:i|you|we|someone)|does (?:anyone|it|this))\b",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"\b(?:figures?|fig\.|diagram|picture|image|table|graph) (?:\d|above|below|shown|shows|on the|at the|to the)"
    r"|\b(?:figure|diagram|picture|table|graph|image)s?\b(?= (?:of|for) (?:the )?(?:previous|last))"
    r"|\b(?:previous|preceding|above|last|earlier|following|next) (?:exercises?|problems?|questions?|parts?"
    r"|examples?|figures?"
    r"|sections?|chapters?|theorems?|results?|tables?|diagrams?|graphs?|code|program)\b"
    r"|\b(?:exercise|problem|example|theorem|lemma|proposition|equation|section|chapter|part|eq\.) *\(?\d"
    r"|\b(?:as|shown|given|defined|described|listed|mentioned|found|discussed|the) (?:above|below|earlier|before)\b"
    r"|\bin the (?:figure|diagram|picture|table|graph|text|notes|lecture|chapter|section)\b|\b(?:your"
    r"|the) (?:textbook|notes)\b"
    r"|\b(?:with|using|by|from|apply) (?:the help of )?the (?:formula|method|result|rule|identity)\b(?! (?:of|for))"
    r"|\bthis (?:figure|diagram|chapter|section|exercise|graph|table)\b|!\[|\[image",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(?:^|\s)\(?(?:[aA]|i|1)[.)]\s.*?(?:^|\s)\(?(?:[bB]|ii|2)[.)]\s", re.DOTALL)
_MORE = re.compile(
    r"[.?!]\s+(?:then|also|next|and|which of)\b"
    r"|\band (?:could|can|what|how|which|when|where|who|say|hence|determine|find)\b",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"=|\b(?:so|hence|therefore|thus|gives?|obtain|find that|we (?:get|have|divide|find)|donc|soit|trouve|also"
    r"|folglich|das sind"
    r"|por tanto|luego)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?:(?<=[^\W\d_]{2}[.!])|(?<=[$)%\d][.!]))\s+(?=[A-ZÀ-Ý(])")
_LEAK = re.compile(
    r"\b(?:the|so the|correct|final) (?:answer|solution) (?:is|was|will)\b|\b(?:answer|solution|lösung|réponse"
    r"|respuesta)s?\b[^.?!]{0,40}:"
    r"|\bdie lösung\b",
    re.IGNORECASE,
)
# What may follow the question mark: assumptions, and the form of the answer. Anything else is the page's own answer.
_AFTERWARDS = re.compile(
    r"(?:\(|assume|suppose|take|use|let|give|round|write|express|note|hint|remember|ignore|neglect|recall|here"
    r"|where|if|your"
    r"|leave|state|you (?:may|can)|forget|simplify|\$\$)",
    re.IGNORECASE,
)
_ITEMS = re.compile(r"(?:^|\n)- .*?\n- ", re.DOTALL)
_CODE = re.compile(r"```|>>>|\bsage:|\bgap>|\(%i\d|\bimport \w+|\bdef \w+\(|</?\w+>|\w+\(\w+=|\b[a-z]+_[a-z_]+\b")
_MATHEMATICS = re.compile(
    r"\$[^$]|\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|half|third|quarter|twice"
    r"|triangle|polygon|\w+agon|degrees?|ratio|number of|how many|functions?"
    r"|probability|integer|polynomial|matrix|derivative|integral)\b",
    re.IGNORECASE,
)
_ATTEMPT = re.compile(
    r"(?:^|(?<=[.?!\n]))\s*\**(?:my (?:attempt|try|work|approach|idea|thoughts?|solution|answer|simulation"
    r"|friend)|i(?:'ve| have)?"
    r" (?:tried|thought|think|got|know|believe|started|began|added|used|managed|am stuck|don't)|what i\b|edit\b"
    r"|update\b|thanks"
    r"|any help|so far|here is what).*",
    re.IGNORECASE | re.DOTALL,
)
_DOLLAR = re.compile(r"(?<!\\)\$")
_WORD = re.compile(r"[^\W\d_]{2,}|\$[^$]+\$|\d+")


def question_fault(question: str, *, min_words: int, max_chars: int, has_code: bool) -> MineDropReason | None:
    """The first rule that the question breaks."""
    if len(_WORD.findall(question)) < min_words:
        return MineDropReason.TOO_SHORT
    if len(question) > max_chars:
        return MineDropReason.TOO_LONG
    faults = (
        (has_code or _CODE.search(_without_formulas(question)), MineDropReason.CODE),
        (len(_DOLLAR.findall(question)) % 2, MineDropReason.BROKEN),
        (_UNCHECKABLE.search(question) or _WHY.search(question), MineDropReason.NOT_CHECKABLE),
        (_CONTEXT.search(question), MineDropReason.NEEDS_CONTEXT),
        (_LEAK.search(question), MineDropReason.LEAKS_ANSWER),
        (
            _PARTS.search(question) or _MORE.search(question) or _ITEMS.search(question) or question.count("?") > 1,
            MineDropReason.SEVERAL_PARTS,
        ),
        (not _TASK.search(question), MineDropReason.NO_TASK),
        (not _MATHEMATICS.search(question), MineDropReason.NO_MATHEMATICS),
    )
    return next((reason for found, reason in faults if found), None)


def asked_and_said(question: str) -> tuple[str, str]:
    """The question up to where it has asked, and what the page goes on to say, where that concludes something.

    For problems whose solution has no label: "How wide is it? Half of it is 20, so it is 40 cm wide."
    """
    asked = _end_of_asking(question)
    after = question[asked:].strip(" *_\n")
    if _goes_on(after) and _CONCLUDES.search(after) and not _TASK.match(after.lower().removeprefix("then ")):
        return question[:asked].strip(), after
    return question, ""


def may_leak(question: str) -> bool:
    """Whether it goes on after it has asked, so that nobody knows whether these are givens or the answer."""
    return _goes_on(question[_end_of_asking(question) :].strip(" *_\n"))


def _goes_on(after: str) -> bool:
    return len(after.split()) >= 3 and _AFTERWARDS.match(after) is None


def _end_of_asking(question: str) -> int:
    """Behind the last question mark, else behind the last sentence that commands."""
    mark = question.rfind("?")
    if mark >= 0:
        return mark + 1
    ends = [*(end.end() for end in _SENTENCE_END.finditer(question)), len(question)]
    starts = [0, *ends[:-1]]
    commands = [
        end for start, end in zip(starts, ends, strict=True) if _TASK.match(question[start:end].lstrip(" *(\n"))
    ]
    return commands[-1] if commands else len(question)


def without_attempt(question: str) -> str:
    """A post's question without what its writer tried and thought."""
    return _ATTEMPT.sub("", question).strip()


def _without_formulas(text: str) -> str:
    return re.sub(r"\$\$?[^$]*\$\$?", " ", text)
