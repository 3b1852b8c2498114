"""Expert iteration: sample, verify, keep what is right, train on it, and again with the policy that came out.

In: an `ExpertIterationConfig`. Out, in `output/name`: the base's and each round's held-out score, and the policies.

    problems/ held-out-problems/ settings.json rounds.jsonl scores.jsonl
    round-00/generated/  samples, verdicts and training sets, as `mathpipe generate` and `select` leave them
    round-00/model/      the policy trained on them; next/: the problems that were not solved reliably
    held-out/base/ held-out/round-00/   samples, report.json and problems.jsonl of each policy

The loop is ReST-EM's (Singh et al., arXiv 2312.06585): every round trains the *base* anew (`start: last` goes on with
the last policy instead), here on the solutions of all rounds (`learn_from`). A phase that is finished leaves a mark
and is not done again; one that was killed goes on, and generation keeps every sample that was stored.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.core.run_settings import keep_settings
from mathpipe.core.store import write_records
from mathpipe.evaluation.judging import own_judge
from mathpipe.evaluation.report import Decoding
from mathpipe.evaluation.samples import read_problems, read_samples
from mathpipe.evaluation.scoring import ScoreConfig, score
from mathpipe.evaluation.tables import write_report
from mathpipe.generate.engines.config import model_fingerprint
from mathpipe.generate.problems import normal_question
from mathpipe.generation import PROBLEMS, SAMPLES, GenerateRunConfig, problems_of
from mathpipe.selection import (
    RoundRecord,
    VerdictStore,
    generation_prompts,
    next_round,
    read_rounds,
    select,
    write_round,
    write_selection,
)
from rl.expert_iteration_config import ExpertIterationConfig
from rl.expert_iteration_process import run_apart, write_config
from rl.expert_iteration_table import HeldOut, print_rounds, read_scores, write_score
from verify import VerifierPool

ROUNDS, SCORES = "rounds.jsonl", "scores.jsonl"
# What may change when a run goes on: how long it is, and where it computes.
_FREE = {"rounds", "output", "workers", "pool", "runner", "shards"}


def run_expert_iteration(config: ExpertIterationConfig, console: Console) -> list[HeldOut]:
    """Run the rounds that are not done yet; gives back the scores, the base's first.

    Raises `ConfigError` where the folder holds a run with other settings, `InputError` where a held-out question is
    among the problems, or the base solves none of them.
    """
    with _alone(config.folder):
        _keep_settings(config)
        run = _Run(config, console)
        run.prepare()
        for number in range(config.rounds):
            if not run.round(number):
                break
        run.score_last()
        scores = read_scores(config.folder / SCORES)
        print_rounds(read_rounds(config.folder / ROUNDS), scores, console)
    console.print(f"rounds:   {config.folder / ROUNDS}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"policy:   {scores[-1].model}", markup=False, highlight=False, soft_wrap=True)
    return scores


class _Run:
    """The phases of one run."""

    def __init__(self, config: ExpertIterationConfig, console: Console) -> None:
        self._config = config
        self._console = console
        self._last = -1  # the last round that trained a policy

    def prepare(self) -> None:
        """Draw the problems of both splits, once."""
        with self._phase(self._config.folder, "prepare") as wanted:
            if wanted:
                problems, held_out = problems_of(self._config.problems), problems_of(self._config.held_out)
                _refuse_common(problems, held_out)
                _write_problems(self._config.problems_folder(0), problems)
                _write_problems(self._config.scoring(-1).problems.path or Path(), held_out)

    def round(self, number: int) -> bool:
        """Sample, score the policy that sampled, select, train. Whether there is anything left for another round."""
        folder = self._config.round_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        with self._phase(folder, "sample") as wanted:
            if wanted:
                self._generate([self._config.sampling(number), self._config.scoring(number - 1)], folder)
        self._score(number - 1)
        with self._phase(folder, "select") as wanted:
            if wanted:
                self._select(number)
        record = read_rounds(self._config.folder / ROUNDS)[number]
        if not record.kept:
            self._console.print(f"round {number}: no new solution is kept, so this is the end")
            return False
        with self._phase(folder, "train") as wanted:
            if wanted:
                config = write_config(self._config.teaching(number), folder / "sft.yaml")
                run_apart("rl.sft", [config], folder / "train.log")
        self._last = number
        return record.reliable < record.problems

    def score_last(self) -> None:
        """Score the policy that the last round trained."""
        folder = self._config.scoring(self._last).folder
        with self._phase(folder, "sample") as wanted:
            if wanted:
                self._generate([self._config.scoring(self._last)], folder)
        self._score(self._last)

    def _generate(self, runs: Sequence[GenerateRunConfig], folder: Path) -> None:
        """One process for all, and one engine where the policy is the same."""
        names = ("sample.yaml", "held-out.yaml")
        paths = [write_config(one, folder / name) for one, name in zip(runs, names, strict=False)]
        run_apart("rl.expert_iteration_process", paths, folder / "sample.log")

    def _score(self, number: int) -> None:
        run = self._config.scoring(number)
        with self._phase(run.folder, "score") as wanted:
            if not wanted:
                return
            greedy = run.generation.temperature == 0
            settings = ScoreConfig(
                pass_at=(1,), majority_at=(), decoding=Decoding.GREEDY if greedy else Decoding.SAMPLED
            )
            with VerifierPool(run.workers, run.pool) as pool:
                report = score(
                    read_problems(run.folder / PROBLEMS), read_samples(run.folder / SAMPLES), name=run.name,
                    by=own_judge(pool), config=settings,
                )  # fmt: skip
            write_report(report, run.folder)
            held_out = HeldOut.of(number, run.engine.model, report)
            write_score(self._config.folder / SCORES, held_out)
            self._console.print(f"{run.name}: held-out pass@1 {held_out.percent}")

    def _select(self, number: int) -> None:
        run = self._config.sampling(number)
        with VerdictStore(run.folder / "verdicts.jsonl") as verdicts, VerifierPool(run.workers, run.pool) as pool:
            chosen = select(
                read_problems(run.folder / PROBLEMS), read_samples(run.folder / SAMPLES), pool, run.selection,
                store=verdicts,
            )  # fmt: skip
        prompts = generation_prompts({run.generation.form: run.generation.prompt_name})
        write_selection(chosen, run.folder / "selection", prompts)
        path = self._config.folder / ROUNDS
        following = next_round(chosen, read_rounds(path)[:number], self._config.round)
        _write_problems(self._config.problems_folder(number + 1), following.problems)
        write_round(path, following.record)
        self._console.print(_said(following.record))
        if number == 0 and not following.record.kept:
            raise InputError(
                f"the base policy {run.engine.model}",
                f"to solve some of {following.record.problems} problems (no sample of it is kept)",
                "raise generation.samples, take easier problems, or another policy",
            )

    @contextmanager
    def _phase(self, folder: Path, name: str) -> Iterator[bool]:
        """Whether the phase has yet to be done; it is marked as done, with its seconds, where nothing is raised."""
        mark = folder / f"{name}.done"
        if mark.is_file():
            yield False
            return
        started = time.perf_counter()
        yield True
        folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps({"seconds": round(time.perf_counter() - started, 2)}) + "\n", encoding="utf-8")


def _said(record: RoundRecord) -> str:
    return (
        f"round {record.number}: {record.samples:,} samples of {record.problems:,} problems, {record.solved:,} "
        f"solved ({len(record.new):,} for the first time), {record.kept:,} solutions kept"
    )


def _write_problems(folder: Path, problems: Sequence[Problem]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / "shard-00000.tmp"
    write_records(unfinished, problems, Problem)
    unfinished.replace(unfinished.with_suffix(".parquet"))


def _refuse_common(problems: Sequence[Problem], held_out: Sequence[Problem]) -> None:
    """Scores on problems that were trained on would say nothing."""
    keys = {normal_question(one.question) for one in problems}
    common = [one for one in held_out if normal_question(one.question) in keys]
    if common:
        raise InputError(
            f"held_out: problem {common[0].problem_id}",
            f"no question of the training problems ({len(common)} are)",
            "name another split: problems.split=train, held_out.split=test",
        )


def _keep_settings(config: ExpertIterationConfig) -> None:
    """Write the settings and the base's fingerprint beside the run; refuse to go on with others."""
    values = json.loads(config.model_dump_json()) | {"base": model_fingerprint(config.engine, "base")}
    keep_settings(config.folder / "settings.json", values, free=_FREE)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(str(folder), "a run that goes on only once", "wait for the other one to end") from None
        yield
