"""fastText behind one function: training lines in, a model out, the same bytes for the same lines.

Two traps of fastText 0.9 (read from its behaviour, `tests/filters/test_classifier.py` holds both):

- With one thread it fills only the first tenth of the input matrix with random numbers; the rest is memory as
  the allocator hands it out. Where that held something else before, training ends in "Encountered NaN" or in a
  model that differs from run to run. The allocator is therefore told to hand out zeros meanwhile. Zeros are what
  we want there: an n-gram never seen in training then adds nothing to a page's score, instead of noise.
- More than one thread races on the matrix (Hogwild), so no two runs agree: `threads` is 1 unless asked otherwise.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mathpipe.core.config import Config
from mathpipe.core.errors import StageError

_M_PERTURB = -6  # glibc's mallopt(3): new memory is filled with the complement of the given byte
_FILL_ZEROS = 0xFF
_FILL_OFF = 0
_PACKAGE = "fasttext-numpy2"


class FastTextSettings(Config):
    """fastText's own settings; the defaults are those of DeepSeekMath's recipe (arXiv 2402.03300)."""

    dim: int = 256
    learning_rate: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    epochs: int = 3
    bucket: int = 2_000_000  # fastText's default; the recipe gives none
    threads: int = 1  # more is faster and not reproducible
    seed: int = 1


def fit(lines: Sequence[str], settings: FastTextSettings) -> Any:
    """The fastText model of these lines (`__label__x words…`), in this order."""
    import fasttext

    with tempfile.TemporaryDirectory(prefix="mathpipe-classifier-") as folder:
        path = Path(folder) / "lines.txt"
        with path.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
        try:
            with zeroed_allocations():
                return fasttext.train_supervised(
                    input=str(path),
                    dim=settings.dim,
                    lr=settings.learning_rate,
                    wordNgrams=settings.word_ngrams,
                    minCount=settings.min_count,
                    epoch=settings.epochs,
                    bucket=settings.bucket,
                    thread=settings.threads,
                    seed=settings.seed,
                    loss="softmax",
                    verbose=0,
                )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise StageError(
                "classifier training", f"fastText failed on {len(lines)} lines: {error}", "lower the learning rate"
            ) from error


@contextmanager
def zeroed_allocations() -> Iterator[None]:
    """While it lasts, new memory of this process holds zeros (glibc; elsewhere nothing is changed)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        yield
        return
    mallopt(_M_PERTURB, _FILL_ZEROS)
    try:
        yield
    finally:
        mallopt(_M_PERTURB, _FILL_OFF)


def quantised_copy(model: Any, cutoff: int) -> Any:
    """A product-quantised copy; fastText quantises in place, so the copy goes through a file."""
    import fasttext

    with tempfile.TemporaryDirectory(prefix="mathpipe-classifier-") as folder:
        path = str(Path(folder) / "model.bin")
        model.save_model(path)
        copy = fasttext.load_model(path)
    with zeroed_allocations():
        copy.quantize(cutoff=cutoff)
    return copy


def library_version() -> str:
    """Name and version of the fastText package."""
    return f"{_PACKAGE} {version(_PACKAGE)}"
