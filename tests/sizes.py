"""Size limits of the house, run by `make check`: files, functions, and how much of the code is tests.

Code lines are lines that hold a token other than a comment or a docstring.
"""

import ast
import io
import statistics
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mathpipe", "crawl", "filters", "verify", "rl")
MAX_FILE, MEDIAN_FILE = 400, 120
MAX_FUNCTION, P90_FUNCTION, MAX_KERNEL = 60, 35, 150
MIN_TEST_SHARE = 0.8
_NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(text: str) -> set[int]:
    """Numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def functions(text: str, lines: set[int]) -> list[tuple[str, int]]:
    """Each function's name and code lines."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found.append((node.name, len(lines.intersection(span))))
    return found


def main() -> int:
    """Print what breaks a limit; the number of breaks is the exit status."""
    faults: list[str] = []
    files: list[int] = []
    sizes: list[int] = []
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = code_lines(text)
        name = path.relative_to(ROOT)
        if len(lines) > MAX_FILE:
            faults.append(f"{name}: {len(lines)} code lines, at most {MAX_FILE}: split it by meaning")
        if lines:
            files.append(len(lines))
        limit = MAX_KERNEL if "kernels" in path.parts else MAX_FUNCTION
        for function, size in functions(text, lines):
            sizes.append(size)
            if size > limit:
                faults.append(f"{name}: {function} has {size} code lines, at most {limit}")
    tests = sum(len(code_lines(path.read_text(encoding="utf-8"))) for path in (ROOT / "tests").rglob("*.py"))
    p90 = sorted(sizes)[int(0.9 * len(sizes))]
    share = tests / sum(files)
    median = statistics.median(files)
    print(f"files: median {median:.0f}, largest {max(files)} code lines; functions: p90 {p90}, largest {max(sizes)}")
    print(f"tests: {tests} code lines for {sum(files)} of source, {share:.2f}")
    if median > MEDIAN_FILE:
        faults.append(f"the median file has {median:.0f} code lines, at most {MEDIAN_FILE}")
    if p90 > P90_FUNCTION:
        faults.append(f"a tenth of the functions has more than {p90} code lines, at most {P90_FUNCTION}")
    if share < MIN_TEST_SHARE:
        faults.append(f"tests hold {share:.2f} lines for each of source, at least {MIN_TEST_SHARE}")
    for fault in faults:
        print(fault)
    return min(len(faults), 1)


if __name__ == "__main__":
    sys.exit(main())
