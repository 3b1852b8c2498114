r"""A row of pieces as LaTeX: fences become `\left … \right`, matrices and binomials their environments and commands.

In: the children of an mrow (or of anything that implies one). Out: one `Piece`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from crawl.formulas.mathml_arrays import entry, fenced_array
from crawl.formulas.mathml_pieces import NOTHING, Delimiter, Piece, Role, Side, Stretch, braced, flat, join
from crawl.formulas.mathml_tables import BARS, DELIMITERS, Font
from crawl.formulas.mathml_tokens import named_operator, styled

_MERGED_FONTS = frozenset({Font.ROMAN, Font.BOLD, Font.BOLD_SYMBOL, Font.ITALIC, Font.SANS, Font.TYPEWRITER,
                           Font.FRAKTUR, Font.CALLIGRAPHIC})  # fmt: skip


# How many pieces on a delimiter looks for its partner: rows are long only on hostile pages.
_NEAR = 300
_SIGNS = frozenset("+-−±∓")
_ENDINGS = frozenset("…⋯!%′″*∗∞∇") | {""}


def row(parts: Sequence[Piece]) -> Piece:
    """The children of a row as one piece."""
    pieces = _spaced_texts(_merge_fonts(_apply_functions(flat(parts))))
    pieces = _implications(_environments(pieces))
    pieces = _modulo(pieces)
    pieces = _stretch(pieces)
    return sequence(pieces)


def sequence(pieces: Sequence[Piece]) -> Piece:
    """Pieces in a row as they stand."""
    if not pieces:
        return NOTHING
    if len(pieces) == 1:
        only = pieces[0]
        return replace(only, grouped=True) if only.role is Role.SCRIPTED else only
    return Piece(tex=_written(pieces), role=Role.ROW, parts=tuple(pieces), tall=any(piece.tall for piece in pieces))


def _written(pieces: Sequence[Piece]) -> str:
    """LaTeX with spaces around the infix operators that people set off, and after commas and names."""
    texts: list[str] = []
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else NOTHING
        if piece.spaced and index and following.role is not Role.EMPTY and _is_operand(pieces[index - 1]):
            texts.append(f" {piece.tex.strip()} ")
            continue
        texts.append(piece.tex)
        if following.tex[:1].strip() and _wants_space(piece, following):
            texts.append(" ")
    return join(texts)


def _wants_space(piece: Piece, following: Piece) -> bool:
    """Whether people put a space between the two: after a sign that begins a row, a function, a sum, a comma."""
    if piece.spaced:
        return piece.char not in _SIGNS
    if piece.role is Role.FUNCTION:
        return following.tex[:1] == "\\"
    if piece.role is Role.LARGE:
        return following.tex[0].isalnum()
    return piece.char == "," and not following.tex[0].isdigit()


def _is_operand(piece: Piece) -> bool:
    if piece.role is Role.OPERATOR:
        return piece.char in _ENDINGS or (piece.delimiter is not None and piece.delimiter.side is not Side.OPEN)
    return piece.role is not Role.SPACE


def _apply_functions(pieces: list[Piece]) -> list[Piece]:
    """An upright name before "function application" is an operator name."""
    out: list[Piece] = []
    for piece in pieces:
        if not piece.apply:
            out.append(piece)
        elif out and out[-1].role is Role.LETTER and out[-1].font is Font.ROMAN and len(out[-1].body) > 1:
            out[-1] = named_operator(out[-1])
    return out


def _merge_fonts(pieces: list[Piece]) -> list[Piece]:
    r"""`\mathrm{a}\mathrm{b}` is `\mathrm{ab}`; neighbouring texts are one text."""
    out: list[Piece] = []
    for kind, run in groupby(pieces, key=_mergeable):
        members = list(run)
        if not kind or len(members) == 1:
            out.extend(members)
        elif members[0].role is Role.TEXT:
            body = "".join(member.body for member in members)
            out.append(replace(members[0], tex=members[0].char + braced(body), body=body))
        else:
            out.append(styled(join([member.body for member in members]), members[0].font))
    return out


def _mergeable(piece: Piece) -> str:
    """Pieces with the same answer can share one command; those with an empty one cannot."""
    if piece.role is Role.TEXT:
        return piece.char
    return piece.font.value if piece.role is Role.LETTER and piece.font in _MERGED_FONTS else ""


def _spaced_texts(pieces: list[Piece]) -> list[Piece]:
    """A no-break space beside a text belongs to the text."""
    out: list[Piece] = []
    for piece in pieces:
        last = out[-1] if out else NOTHING
        if piece.role is Role.TEXT and last.role is Role.SPACE and last.tex == "~" and piece.char:
            out[-1] = replace(piece, tex=piece.char + braced(" " + piece.body), body=" " + piece.body)
        elif piece.role is Role.SPACE and piece.tex == "~" and last.role is Role.TEXT and last.char:
            out[-1] = replace(last, tex=last.char + braced(last.body + " "), body=last.body + " ")
        else:
            out.append(piece)
    return out


def _environments(pieces: list[Piece]) -> list[Piece]:
    """Delimiters right around an array or a stack are part of its environment: pmatrix, cases, binom."""
    out: list[Piece] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        if piece.role not in (Role.ARRAY, Role.STACK):
            out.append(piece)
            index += 1
            continue
        before = out[-1] if out and _opens(out[-1]) else None
        after = pieces[index + 1] if index + 1 < len(pieces) and _closes(pieces[index + 1]) else None
        whole = _stacked(piece, before, after) if piece.role is Role.STACK else fenced_array(piece, before, after)
        if whole is None:
            out.extend(entry(piece))
            index += 1
            continue
        if before is not None:
            out.pop()
        out.append(whole)
        index += 1 if after is None else 2
    return out


def _opens(piece: Piece) -> bool:
    return piece.delimiter is not None and piece.delimiter.side is not Side.CLOSE


def _closes(piece: Piece) -> bool:
    return piece.delimiter is not None and piece.delimiter.side is not Side.OPEN


def _stacked(piece: Piece, before: Piece | None, after: Piece | None) -> Piece | None:
    """`(` stack `)` is a binomial; other fences keep theirs."""
    if before is None or after is None:
        return None
    command = {("(", ")"): r"\binom", ("[", "]"): r"\brack", ("{", "}"): r"\brace"}.get((before.char, after.char))
    top, bottom = piece.parts
    if command == r"\binom":
        return Piece(tex=command + braced(top.tex) + braced(bottom.tex), role=Role.FENCED, tall=True)
    if command is not None:
        return Piece(tex="{" + join([top.tex, command + " ", bottom.tex]) + "}", role=Role.FENCED, tall=True)
    return None


def _implications(pieces: list[Piece]) -> list[Piece]:
    r"""A long double arrow between thick spaces is `\iff` or `\implies`: so LaTeX defines them."""
    out = list(pieces)
    for index in range(len(out) - 2, 0, -1):
        name = {"⟹": r"\implies", "⟸": r"\impliedby", "⟺": r"\iff"}.get(out[index].char)
        # MathJax's SVG shows the thick space together with the relation's own.
        if name and all(out[side].tex.strip() in (r"\;", r"\enspace") for side in (index - 1, index + 1)):
            out[index - 1 : index + 2] = [replace(out[index], tex=name, spaced=True)]
    return out


def _modulo(pieces: list[Piece]) -> list[Piece]:
    """`(mod 7)` is `\\pmod{7}`, `a mod b` is `a \\bmod b`."""
    out: list[Piece] = []
    index = 0
    while index < len(pieces):
        piece = pieces[index]
        if piece.char != "mod" and not (piece.font is Font.ROMAN and piece.body == "mod"):
            out.append(piece)
            index += 1
            continue
        end = _closing_index(pieces, index) if out and out[-1].char == "(" else None
        if end is None:
            if out and out[-1].role is Role.SPACE:
                out.pop()
            out.append(Piece(tex=r"\bmod", role=Role.OPERATOR, char="mod", spaced=True))
            index += 1
            while index < len(pieces) and pieces[index].role is Role.SPACE:
                index += 1
            continue
        out.pop()
        if out and out[-1].role is Role.SPACE:
            out.pop()
        inner = [part for part in pieces[index + 1 : end] if part.role is not Role.SPACE]
        body = sequence(inner).tex
        out.append(Piece(tex=r"\pmod" + braced(body), role=Role.FENCED))
        index = end + 1
    return out


def _closing_index(pieces: list[Piece], start: int) -> int | None:
    """Where the parenthesis that was open before `start` closes."""
    depth = 1
    for index in range(start, min(len(pieces), start + _NEAR)):
        depth += {"(": 1, ")": -1}.get(pieces[index].char, 0)
        if depth == 0:
            return index if pieces[index].role is Role.OPERATOR else None
    return None


def _stretch(pieces: list[Piece]) -> list[Piece]:
    r"""Pair the delimiters of the row: `\left … \right` for those that grow, `\big` for a fixed size."""
    commands: dict[int, str] = {}
    open_: list[int] = []
    for index, piece in enumerate(pieces):
        delimiter = piece.delimiter
        if delimiter is None or delimiter.stretch is Stretch.NEVER:
            continue
        if delimiter.stretch is Stretch.FIXED:
            commands[index] = delimiter.size
            continue
        side = _side(pieces, open_, index, delimiter)
        if side is Side.OPEN:
            open_.append(index)
        elif side is Side.CLOSE:
            _close(pieces, commands, open_.pop() if open_ else None, index)
        elif _always(piece) and open_ and _always(pieces[open_[0]]):
            commands[index] = r"\middle"
    return _with_commands(pieces, commands, [index for index in open_ if _always(pieces[index])])


def _always(piece: Piece) -> bool:
    return piece.delimiter is not None and piece.delimiter.stretch is Stretch.ALWAYS


def _side(pieces: list[Piece], open_: list[int], index: int, delimiter: Delimiter) -> Side:
    """Which side a delimiter is on here; EITHER for one that pairs with nothing."""
    if delimiter.side is Side.OPEN:
        return Side.OPEN
    if delimiter.side is Side.CLOSE:
        return Side.CLOSE if open_ or _always(pieces[index]) else Side.EITHER
    if open_ and pieces[open_[-1]].char == pieces[index].char:
        return Side.CLOSE
    if open_:
        return Side.EITHER
    if index == len(pieces) - 1:
        return Side.CLOSE if _always(pieces[index]) else Side.EITHER
    later = any(piece.char == pieces[index].char and piece.delimiter for piece in pieces[index + 1 : index + _NEAR])
    return Side.OPEN if later or (index == 0 and _always(pieces[index])) else Side.EITHER


def _close(pieces: list[Piece], commands: dict[int, str], start: int | None, end: int) -> None:
    closing = pieces[end]
    if start is None:
        commands[-1] = commands.get(-1, "") + r"\left."
        commands[end] = r"\right"
        return
    opening = pieces[start]
    grows = any(piece.tall for piece in pieces[start + 1 : end])
    if _always(opening) or _always(closing) or (grows and opening.char and closing.char):
        commands[start], commands[end] = r"\left", r"\right"


def _with_commands(pieces: list[Piece], commands: dict[int, str], unclosed: list[int]) -> list[Piece]:
    """The row with \\left and its kin written before the delimiters."""
    for index in unclosed:
        commands[index] = r"\left"
    out: list[Piece] = []
    if -1 in commands:
        out.append(Piece(tex=commands[-1]))
    for index, piece in enumerate(pieces):
        command = commands.get(index)
        if command is None:
            if piece.tex:
                out.append(_middle(piece))
            continue
        name = DELIMITERS.get(piece.char, piece.tex or ".")
        tex = join([command, name])
        tex += " " if command == r"\left" and name.startswith("\\") and name[-1].isalpha() else ""
        kept = piece.delimiter if command.startswith((r"\big", r"\Big")) else None
        out.append(replace(piece, tex=tex, spaced=False, delimiter=kept))
    out.extend(Piece(tex=r"\right.") for _ in unclosed)
    if _is_one_fence(pieces, commands, unclosed):
        return [Piece(tex=_written(out), role=Role.FENCED, tall=any(piece.tall for piece in pieces))]
    return out


def _is_one_fence(pieces: list[Piece], commands: dict[int, str], unclosed: list[int]) -> bool:
    r"""Whether one \left … \right encloses the whole row, so that scripts can hang on it."""
    kinds = [command for _, command in sorted(commands.items()) if command in (r"\left", r"\right", r"\left.")]
    if len(pieces) < 2 or len(kinds) != (1 if unclosed else 2):
        return False
    starts = -1 in commands or commands.get(0) == r"\left"
    return starts and (bool(unclosed) or commands.get(len(pieces) - 1) == r"\right")


def _middle(piece: Piece) -> Piece:
    """A lone bar as its author wrote it."""
    if piece.delimiter is not None and piece.char in BARS and piece.role is Role.OPERATOR:
        return replace(piece, tex=DELIMITERS[piece.char] if piece.char in "|‖∥" else piece.tex)
    return piece
