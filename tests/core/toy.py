"""Small real stages for the spine's tests: numbers in text files, doubled, split and summed."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from mathpipe.core.config import Config
from mathpipe.core.errors import CorruptShardError
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.step import Files, Gather, Step


@dataclass(frozen=True, slots=True)
class Number:
    record_id: str
    url: str
    value: int


@dataclass(frozen=True, slots=True)
class Total:
    record_id: str
    value: int


class ToyReason(StrEnum):
    ODD = "odd"


class ToyConfig(Config):
    factor: int = 2
    poison: str = ""  # record id
    how: str = "raise"  # raise, kill, hang, eat
    batch: int = 1
    sleep_seconds: float = 0.0
    pid_folder: str = ""


def read_numbers(path: str) -> Iterator[Number]:
    for index, line in enumerate(Path(path).read_text().split()):
        name = f"{Path(path).stem}-{index}"
        yield Number(name, f"https://toy.example/{name}", int(line))


class Times(Stage[Number, Number]):
    """Multiplies even numbers, drops odd ones, and comes to grief at one record if told so."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        self.config = config
        if config.pid_folder:
            (Path(config.pid_folder) / str(os.getpid())).touch()

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        batch: list[Number] = []
        for record in shard:
            batch.append(record)
            if len(batch) >= self.config.batch:
                yield from self._answer(batch)
                batch = []
        yield from self._answer(batch)

    def _answer(self, batch: list[Number]) -> list[Number | Drop]:
        return [self._one(record) for record in batch]

    def _one(self, record: Number) -> Number | Drop:
        if self.config.sleep_seconds:
            time.sleep(self.config.sleep_seconds)
        if self.config.poison in (record.record_id, "all"):
            self._grief()
        if record.value % 2:
            return Drop(record.record_id, ToyReason.ODD, record.url)
        return Number(record.record_id, record.url, record.value * self.config.factor)

    def _grief(self) -> None:
        if self.config.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.config.how == "hang":
            time.sleep(3600)
        if self.config.how == "eat":
            bytearray(8 * 2**30)
        raise ValueError("poison")


class Forgetful(Stage[Number, Number]):
    """Breaks the contract: swallows every second record."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        pass

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        for index, record in enumerate(shard):
            if index % 2:
                yield record


class Renames(Stage[Number, Number]):
    """Breaks the contract: answers under another id."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        pass

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        for record in shard:
            yield Number(f"new-{record.record_id}", record.url, record.value)


class Stumbles(Stage[Number, Number]):
    """Answers all its records and raises after the last."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        pass

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        yield from shard
        raise OSError("no such model")


class FindsRot(Stage[Number, Number]):
    """Meets a rotten side while it is at a record."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        pass

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        for record in shard:
            raise CorruptShardError(f"side-of-{record.record_id}", "rot", "make it again")
            yield record


class Broods(Stage[Number, Total]):
    """Gathers, and thinks for a while before it says anything."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        self.seconds = config.sleep_seconds

    def run(self, shard: Iterable[Number]) -> Iterator[Total | Drop]:
        total = sum(record.value for record in shard)
        time.sleep(self.seconds)
        yield Total("all", total)


class Sum(Stage[Number, Total]):
    """Adds up one partition, and leaves a file beside its shard."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        self.context = context

    @classmethod
    def memory_bytes(cls, config: object, input_rows: int) -> int | None:
        return 100 * input_rows

    def run(self, shard: Iterable[Number]) -> Iterator[Total | Drop]:
        total = sum(record.value for record in shard)
        (self.context.files / "sum.txt").write_text(f"{total}\n")
        yield Total(f"partition-{self.context.shard_index}", total)


class AddSum(Stage[Number, Number]):
    """Uses a side: adds the grand total of the `sum` step to each number."""

    def __init__(self, config: ToyConfig, context: StageContext) -> None:
        self.total = sum(int((folder / "sum.txt").read_text()) for folder in context.sides["sum"].files)

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        for record in shard:
            yield Number(record.record_id, record.url, record.value + self.total)


def read_twins(path: str) -> Iterator[Number]:
    """Every number twice under the same id."""
    for number in read_numbers(path):
        yield number
        yield number


def read_with_surrogates(path: str) -> Iterator[Number]:
    """Numbers whose URLs UTF-8 cannot hold."""
    for number in read_numbers(path):
        yield Number(number.record_id, number.url + "\ud800", number.value)


def beyond(record: Number, partitions: int) -> int:
    """A partition that does not exist."""
    return partitions


def last_digit(record: Number, partitions: int) -> int:
    return record.value % partitions


def write_sources(folder: Path, shards: int = 3, numbers: int = 20) -> tuple[str, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for shard in range(shards):
        path = folder / f"n{shard}.txt"
        path.write_text(" ".join(str(shard * 100 + value) for value in range(numbers)))
        paths.append(str(path))
    return tuple(paths)


def toy_steps(paths: tuple[str, ...], partitions: int = 2, **values: object) -> list[Step]:
    config = ToyConfig.model_validate(values)
    quiet = ToyConfig()
    return [
        Step("times", Times, config, Files(paths, read_numbers), Number, Number),
        Step("sum", Sum, quiet, "times", Number, Total, gather=Gather(partitions, last_digit)),
        Step("add", AddSum, quiet, "times", Number, Number, sides=("sum",)),
    ]


def shard_bytes(run: Path) -> dict[str, bytes]:
    """Every published data file below a run, by relative path."""
    files = [path for path in (run / "steps").rglob("*") if path.is_file() and ".tmp" not in path.parts]
    return {str(path.relative_to(run)): path.read_bytes() for path in files if path.name != "manifest.jsonl"}
