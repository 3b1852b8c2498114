"""The GRPO loop: sample, verify, advantages, learn, renew the sampler's weights, evaluate; step by step, resumable.

In: a `GrpoConfig`. Out, in `output/name`: `journal.jsonl` (a line a step), `samples/step-000001.parquet` (every
sample with its verdict), `held-out/` (the same for evaluations), `checkpoints/`, `policy/` (the trained model).

One step: problems of the stream are sampled with the newest weights (or weights `staleness` updates old, while the
learner works); verifiers judge; groups that teach nothing are dropped before the backbone; the trainer scores what is
left, which shows whether the sampler still is the policy; one or more optimizer steps; new weights go to the sampler,
which scores a few sequences with them to show that it took them.

A run that was stopped goes on from its newest checkpoint: what came after is done again, with the same seeds, samples
and weights, so that the end is the same bit for bit (on a CPU, with one number of threads).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.generation import problems_of
from rl.batch import (
    Corrected,
    Gap,
    Groups,
    advantaged,
    corrected,
    estimated,
    measured,
    mini_batches,
    recorded,
    rewarded,
    sampler_gap,
)
from rl.checkpoints import Checkpoints
from rl.drawing import Drawer
from rl.grpo_config import GrpoConfig
from rl.guards import RunStopped, check_reward_jump, check_sync
from rl.held_out import evaluate_policy
from rl.journal import HeldOutScore, Journal, JournalLine
from rl.judging import Judge, step_judge
from rl.lead import Lead
from rl.learner import Learner
from rl.phases import Phases
from rl.preference_pairs import preference_pairs
from rl.recorded import RecordedSolutions, as_written
from rl.rollout import RolloutJob, Scores, engine_config
from rl.run_files import cut_after, write_samples
from rl.samplers import NoSampler, Sampler, WorkerPlan, make_sampler
from rl.step_record import StepParts, make_record
from rl.trajectories import Scored, Trajectory
from verify import VerifierPool

__all__ = ["RunStopped", "Trainer"]
_GAP_SEQUENCES = 16  # scored to see that the sampler is the policy, where nothing else needs scores
_PROBE_SEQUENCES = 2  # scored by the sampler after each renewal of its weights


class Trainer:
    """One run. `step()` does the next step, `run()` all of them; close it, or use it as a context."""

    def __init__(
        self,
        config: GrpoConfig,
        *,
        say: Callable[[str], object] = print,
        watch: Callable[[JournalLine], object] = lambda _: None,
        phase: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.config = config
        self.steps_done = 0
        self._lead = Lead.here()
        self._say = say if self._lead.leads else _ignore
        self._watch = watch if self._lead.leads else _ignore
        self._phase = phase if self._lead.leads else _ignore
        config.folder.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(config.folder / "journal.jsonl")
        self._checkpoints = Checkpoints(config.folder / "checkpoints", config.checkpoint.keep, self._lead)
        problems = problems_of(config.problems)
        self._held_out = [] if config.held_out is None else problems_of(config.held_out)
        _refuse_shared(problems, self._held_out)
        self._problems = {problem.problem_id: problem for problem in [*problems, *self._held_out]}
        self.learner = Learner(
            config.model,
            config.learner,
            config.loss,
            max_length=config.sampling.max_tokens,
            temperature=config.sampling.temperature,
            critic=config.critic,
            importance_cap=config.correction.cap,
        )
        self._stack = ExitStack()
        self._stack.callback(self._lead.leave)
        pool = self._stack.enter_context(VerifierPool(config.workers if self._lead.leads else 1, config.pool))
        self._judge = Judge(config.reward, pool, config.sampling.max_tokens)
        plan = WorkerPlan(
            engine_config(config.engine, config.model), config.sampling, config.sampler_gpus, config.sampler_actors
        )
        self._sampler: Sampler = (
            make_sampler(config.sampler, plan, self._lead) if config.needs_sampler else NoSampler()
        )
        self._stack.callback(self._sampler.close)
        self._step_judge = step_judge(config.reward, pool, self._judge, self._sampler, self.learner.tokenizer)
        written = config.is_supervised
        tokenizer = self.learner.tokenizer
        source = RecordedSolutions(problems, tokenizer, plan.engine, config.sampling) if written else self._sampler
        self._drawer = Drawer(config, problems, source)
        self._synced: tuple[Future[Scores], Scores] | None = None
        self._saving: Phases | None = None  # a checkpoint's time counts to the step after it
        self._resume()

    def run(self) -> None:
        """Every step that is left; the policy is saved at the end. Raises `RunStopped` where a guard ends it."""
        with self._lead.together():
            if self.steps_done == 0 and self._held_out:
                score = self._before_training()
                self._say(f"before training: pass@1 {score} on {score.problems} held-out problems")
            while self.steps_done < self.config.steps:
                self.step()
            self.learner.save(self.config.folder / "policy")

    def step(self) -> JournalLine:
        """The next step; its samples and its line in the journal are written when this returns."""
        number, version = self.steps_done + 1, self.learner.version
        phases, self._saving = self._saving or Phases(self._phase), None
        phases("sample")
        problems, refused, scored, groups = self._lead.shared(lambda: self._collect(phases))
        forgotten = self._sampler.rest()
        phases("score")
        groups = self._estimated(groups)
        learned, gap = self._corrected(groups, [item.trajectory for item in scored])
        phases("update")
        parts = mini_batches(learned.sequences, self.config.learner.updates, self.config.unit)
        reports = [self.learner.update(part) for part in parts]
        if self.config.corrects_in_update:
            learned, gap = measured(learned, reports[0].logprobs if reports else {}, self.config.correction)
        if self.config.renew_reference and number % self.config.renew_reference == 0:
            self.learner.renew_reference()
        phases("sync")
        if self.config.needs_sampler and (reports or forgotten):
            self._sync([item.trajectory for item in groups.samples or scored])
        phases("evaluate")
        held_out = self._evaluate(number) if self._is_evaluated(number) else None
        record = make_record(
            StepParts(
                step=number,
                version=version,
                problems=problems,
                refused=refused,
                scored=scored,
                groups=groups,
                corrected=learned,
                gap=gap,
                reports=reports,
                warnings=[warning for report in reports for warning in report.warnings],
            ),
            held_out,
        )
        phases("write")
        advantages = {(item.trajectory.group, item.trajectory.index): item.advantages[0] for item in groups.samples}
        samples = self.config.folder / "samples"
        self._lead.shared(lambda: write_samples(samples, number, scored, self._problems, advantages))
        self._lead.shared(lambda: self._guard(gap, record.reward_mean, version))
        line = JournalLine(record=record, times=phases.times(record.tokens_sampled))
        self._lead.shared(lambda: self.journal.append(line))
        self.steps_done = number
        self._watch(line)
        # Last: a step of a checkpoint is not done again, so its samples and its line must be there before.
        if number % self.config.checkpoint.every == 0 or number == self.config.steps:
            self._saving = Phases(self._phase)
            self._saving("checkpoint")
            self._checkpoints.save(number, self._state())
        return line

    def close(self) -> None:
        """End the sampler and the verifiers."""
        self._stack.close()

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- phases ----------------------------------------------------------------------------------------------------

    def _collect(self, phases: Phases) -> tuple[int, int, list[Scored], Groups]:
        """Judged samples of the step; more problems are drawn while too few groups teach and rounds are left."""
        config = self.config
        scored: list[Scored] = []
        problems = refused = 0
        groups = Groups((), 0, 0)
        for round_number in range(config.dynamic_sampling.rounds):
            missing = config.sampling.problems - groups.kept
            phases("sample")
            job, rollout = self._drawer.next() if round_number == 0 else self._drawer.more(missing)
            phases("verify")
            shifted = [replace(item, group=item.group + problems) for item in rollout.trajectories]
            scored += self._judged(shifted, job)
            problems += len(job.problems)
            refused += len(rollout.refused)
            groups = self._groups(scored)
            if groups.kept >= config.sampling.problems:
                break
        return problems, refused, scored, groups

    def _judged(self, samples: list[Trajectory], job: RolloutJob) -> list[Scored]:
        if self.config.is_supervised:
            return as_written([replace(item, version=self.learner.version) for item in samples])
        judged = self._judge(samples, self._problems)
        return judged if self._step_judge is None else self._step_judge(judged, self._problems, job)

    def _groups(self, scored: list[Scored]) -> Groups:
        """What is learned from: groups whose rewards differ; all samples for a critic and SFT, pairs for DPO."""
        config = self.config
        if config.is_supervised:
            return recorded(scored)
        if config.unit == 2:
            return preference_pairs(scored)
        if config.critic.kind != "none":
            return rewarded(scored, config.advantage)
        return advantaged(scored, config.advantage, keep_all=config.keep_groups_without_variance)

    def _estimated(self, groups: Groups) -> Groups:
        """Advantages by the critic's values, where there is one."""
        config = self.config
        if config.critic.kind == "none":
            return groups
        values = self.learner.values([sample.trajectory for sample in groups.samples])
        return estimated(groups, values, config.critic, mask_cut=config.mask_cut_completions)

    def _corrected(self, groups: Groups, drawn: list[Trajectory]) -> tuple[Corrected, Gap]:
        """What the learner takes, and how far the sampler is from the trainer."""
        config = self.config
        samples = [sample.trajectory for sample in groups.samples]
        trainer = None
        if config.corrects_in_update:
            gap = Gap(0.0, 0.0)  # not known yet: the update scores before it moves the policy, which saves a pass
        elif config.scores_before_updates:
            trainer = self.learner.score(samples)
            gap = sampler_gap(samples, trainer)
        else:
            shown = [item for item in drawn if item.sampler_logprobs][:_GAP_SEQUENCES]
            gap = sampler_gap(shown, self.learner.score(shown))
        reference = self.learner.score(samples, reference=True) if self.learner.has_reference else None
        return corrected(
            groups.samples,
            trainer,
            reference,
            config.correction,
            keep_old=config.learner.updates > 1 and not config.is_supervised,
            mask_cut=config.mask_cut_completions,
            by_update=config.corrects_in_update,
        ), gap

    def _sync(self, samples: list[Trajectory]) -> None:
        """Queue the new weights with a probe; without staleness wait for them."""
        shortest = sorted(samples, key=lambda item: (len(item.prompt_ids) + len(item.completion_ids), item.group))
        probe = [_whole(item) for item in shortest[:_PROBE_SEQUENCES]]
        expected = self.learner.score(probe, temperature=1.0)
        self._check_last_sync()
        self._rest_learner()
        future = self._sampler.update_weights(self.learner.weights(), self.learner.version, tuple(map(_ids, probe)))
        self._synced = (future, expected)
        if not self.config.staleness:
            self._check_last_sync()

    def _rest_learner(self) -> None:
        """Before a sampler that has the learner's device by turns takes its room."""
        if self.config.takes_turns:
            self.learner.rest()

    def _check_last_sync(self) -> None:
        if self._synced is not None:
            future, expected = self._synced
            self._lead.shared(lambda: check_sync(future.result(), expected, self.config.guards.sampler_gap))
            self._synced = None

    def _is_evaluated(self, step: int) -> bool:
        every = self.config.evaluation.every
        return bool(self._held_out) and (step == self.config.steps or bool(every and step % every == 0))

    def _before_training(self) -> HeldOutScore:
        """The score of the policy that the run begins with; it is kept, and not counted anew by one that goes on."""
        known = self._lead.shared(self.journal.before)
        if known is None:
            self._phase("evaluate")
            known = self._evaluate(0)
            self._lead.shared(lambda: self.journal.write_before(known))
        return known

    def _evaluate(self, step: int) -> HeldOutScore:
        def evaluate() -> HeldOutScore:
            score, scored = evaluate_policy(self.config, self._held_out, self._sampler, self._judge)
            write_samples(self.config.folder / "held-out", step, scored, self._problems, {})
            return score

        return self._lead.shared(evaluate)

    def _guard(self, gap: Gap, reward: float, version: int) -> None:
        limit = self.config.guards.sampler_gap
        if not self.config.staleness and not gap.mean <= limit:  # NaN as well
            raise RunStopped(
                f"sampler at version {version}",
                f"log-probabilities within {limit} of the trainer's, not {gap.mean:.3g} a token",
                "its weights are stale or it cuts its distribution: see docs/grpo.md, or raise guards.sampler_gap",
            )
        if self.config.guards.reward_jump is not None:
            past = [line.record.reward_mean for line in self.journal.read()[-20:]]
            check_reward_jump(past, reward, self.config.guards.reward_jump)

    # --- resume ----------------------------------------------------------------------------------------------------

    def _state(self) -> dict[str, Any]:
        drawer = self._drawer.state() if self._lead.leads else {}
        return {"learner": self.learner.state(), "drawer": drawer, "step": self.steps_done}

    def _resume(self) -> None:
        """Go on from the newest checkpoint; what came after it is forgotten, and done again."""
        newest = self._checkpoints.newest()
        step = 0 if newest is None else newest.step
        self._lead.shared(lambda: self._forget_after(step))
        if newest is None:
            return
        state = newest.load()
        self._sampler.rest()
        self.learner.load_state(state["learner"])
        if self._lead.leads:
            self._drawer.load_state(state["drawer"])
        self.steps_done = state["step"]
        self._rest_learner()
        self._sampler.update_weights(self.learner.weights(), self.learner.version).result()
        self._say(f"resumed after step {self.steps_done} of {self.config.steps}")

    def _forget_after(self, step: int) -> None:
        self.journal.cut_after(step)
        for folder in ("samples", "held-out"):
            cut_after(self.config.folder / folder, step)


def _ignore(_: Any) -> None:
    """What a rank that does not lead says."""


def _whole(trajectory: Trajectory) -> Trajectory:
    """The same tokens with all but the first in the completion, so that all of them are scored."""
    first, *rest = _ids(trajectory)
    return replace(trajectory, prompt_ids=(first,), completion_ids=tuple(rest))


def _ids(trajectory: Trajectory) -> tuple[int, ...]:
    return (*trajectory.prompt_ids, *trajectory.completion_ids)


def _refuse_shared(problems: list[Any], held_out: list[Any]) -> None:
    shared = {problem.problem_id for problem in problems} & {problem.problem_id for problem in held_out}
    if shared:
        raise InputError(
            f"held_out: {len(shared)} problems",
            "problems that are not trained on",
            "split them: see ProblemSource.split",
        )
