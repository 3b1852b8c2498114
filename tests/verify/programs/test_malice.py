"""Malicious programs are contained: nothing outside changes or is seen, results come in time, the worker lives on."""

import os
import time
from pathlib import Path

import psutil
import pytest

from tests.verify.programs.conftest import SECRET, Planted
from tests.verify.programs.malice import ATTACKS, DISGUISES, Malice, malicious_programs
from verify.programs import Limits, ProgramResult, ProgramRunner, ProgramStatus, Protection
from verify.programs.protections import missing_protection

NAMESPACES = frozenset(layer for layer in Protection if layer.endswith("-namespace"))


def leftovers(runner: ProgramRunner) -> list[str]:
    """Processes of programs that are still there: all of the sandbox's but the worker and its one forked spare."""
    worker = psutil.Process(runner.worker().process)
    own = {worker.pid} | {child.pid for child in worker.children(recursive=True)}
    found = []
    for process in psutil.process_iter(["ppid", "uids", "cmdline"]):
        uids, words = process.info["uids"], " ".join(process.info["cmdline"] or [])
        orphan = process.info["ppid"] == 1 and "verify.programs.zygote" in words
        of_sandbox = (uids and 61_184 <= uids.real < 65_520) or "time.sleep(1000)" in words or orphan
        if of_sandbox and process.pid not in own:
            found.append(f"{process.pid}: {words[:80]}")
    extra = len(own) - 3  # launcher, zygote, spare
    return found + [f"{extra} too many below the worker"] * (extra > 0)


def settle(runner: ProgramRunner) -> list[str]:
    """`leftovers`, after the moment that the spare's fork may take."""
    until = time.monotonic() + 1.0
    while (found := leftovers(runner)) and time.monotonic() < until:
        time.sleep(0.01)
    return found


def given_up(result: ProgramResult, limits: Limits) -> bool:
    """Whether we killed the worker because it did not answer in time; the words are ours, no program can say them."""
    late = f"no end within {limits.wall_seconds + 0.4:g} s"
    return result.status is ProgramStatus.TIMEOUT and result.detail == late


def always_given_up(runner: ProgramRunner, program: Malice, limits: Limits) -> bool:
    """Whether it is the program that keeps the worker from answering, and not the machine's load for once."""
    return all(given_up(runner.run(program.code, limits=limits), limits) for _ in range(2))


def fault_of(
    runner: ProgramRunner, program: Malice, limits: Limits, planted: Planted, kills: list[Malice]
) -> str | None:
    """What the program achieved that it must not, or None. Programs for which we killed the worker go to `kills`."""
    before = planted.state()
    worker = runner.worker().process
    started = time.monotonic()
    result = runner.run(program.code, limits=limits)
    seconds = time.monotonic() - started
    ours = given_up(result, limits)
    kills += [program] * ours
    said = f"{result.stdout}\n{result.stderr}\n{result.last_expression}"
    faults = {
        f"took {seconds:.2f} s": seconds > limits.wall_seconds + 3,
        "changed something outside": planted.state() != before,
        "saw the secret": SECRET in said,
        "saw the machine's users": "root:" in said,
        "never ran": result.status is ProgramStatus.REFUSED,
        "wrote more than it may": len(said) > 4 * limits.output_bytes + 1_000,
        "ended the worker": runner.worker().process != worker and not ours,
        "keeps the worker from answering": ours and always_given_up(runner, program, limits),
        "broke the worker": runner.run("print(6 * 7)", limits=limits).stdout != "42\n",
    }
    return "; ".join(what for what, true in faults.items() if true) or None


def contain(runner: ProgramRunner, programs: list[Malice], limits: Limits, planted: Planted) -> None:
    faults = []
    kills: list[Malice] = []
    for program in programs:
        if fault := fault_of(runner, program, limits, planted, kills):
            faults.append(f"{program.family}, {program.disguise}: {fault}\n{program.code}")
        elif left := settle(runner):
            faults.append(f"{program.family}, {program.disguise}: {left}\n{program.code}")
    assert not faults, f"{len(faults)} of {len(programs)}:\n" + "\n".join(faults[:10])
    # None of all 1,576 programs on a quiet machine; a fork bomb takes long to die where others compute.
    assert len(kills) <= 1 + len(programs) // 100, f"the worker was killed for {[kill.code for kill in kills]}"


_LIST_DESCRIPTORS = """
import os
found = []
for fd in range(64):
    try:
        os.fstat(fd)
        found.append(fd)
    except OSError:
        pass
print(found)
"""


@pytest.fixture(autouse=True)
def _secret_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHPIPE_SECRET", SECRET)


def test_there_are_more_than_a_thousand_programs_of_many_families(planted: Planted) -> None:
    programs = malicious_programs(planted.targets)
    assert len({program.code for program in programs}) >= 1_000
    assert {program.family for program in programs} == set(ATTACKS)
    assert len({program.disguise for program in programs}) == len(DISGUISES) == 8


def test_a_sample_of_all_families_and_disguises_is_contained(
    runner: ProgramRunner, planted: Planted, quick: Limits
) -> None:
    contain(runner, malicious_programs(planted.targets)[::11], quick, planted)


@pytest.mark.slow
@pytest.mark.parametrize("disguise", [disguise.__name__.strip("_") for disguise in DISGUISES])
def test_every_malicious_program_is_contained(
    runner: ProgramRunner, planted: Planted, quick: Limits, disguise: str
) -> None:
    programs = [program for program in malicious_programs(planted.targets) if program.disguise == disguise]
    assert len(programs) >= 125
    contain(runner, programs, quick, planted)


@pytest.mark.parametrize(
    "without",
    [NAMESPACES, frozenset({Protection.PID_NAMESPACE}), frozenset({Protection.MOUNT_NAMESPACE})],
    ids=["no namespaces", "no pid namespace", "no mount namespace"],
)
def test_a_sample_is_contained_where_namespaces_are_refused(
    without: frozenset[Protection], planted: Planted, quick: Limits
) -> None:
    with ProgramRunner(without, preload=()) as runner:
        if missing := missing_protection(runner.worker().layers, frozenset()):
            pytest.skip(missing)
        contain(runner, malicious_programs(planted.targets)[5::80], quick, planted)


def test_a_program_cannot_say_that_it_ran_well(runner: ProgramRunner, quick: Limits) -> None:
    lie = 'import os\nos.write(4, b\'{"token": "", "exit": 0, "exception": "", "last": "42"}\\n\')\n1/0'
    result = runner.run(lie, limits=quick)
    assert (result.status, result.exit_code) == (ProgramStatus.ERROR, 1)


def test_the_worker_has_neither_memory_nor_descriptors_nor_environment_of_its_parent(
    runner: ProgramRunner, tmp_path: Path, quick: Limits
) -> None:
    held_open = (tmp_path / "held").open("w")
    os.set_inheritable(held_open.fileno(), True)
    with held_open, ProgramRunner(preload=()) as fresh:
        process = psutil.Process(fresh.worker().process)
        assert "MATHPIPE_SECRET" not in process.environ()
        assert not process.open_files()
        seen = fresh.run(_LIST_DESCRIPTORS, limits=quick)
        assert seen.stdout == "[0, 1, 2, 4]\n"
