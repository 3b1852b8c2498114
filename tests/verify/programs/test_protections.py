"""The minimum, what is said where it is missed, and that each layer can be left out and is then reported missing."""

import pytest

from verify.programs import Limits, ProgramRunner, ProgramStatus, Protection, describe_protections, probe_protections
from verify.programs.protections import ALL_PROTECTIONS, MINIMUM, missing_protection

P = Protection


@pytest.mark.parametrize(
    ("active", "required", "missing"),
    [
        (ALL_PROTECTIONS, frozenset(), None),
        (ALL_PROTECTIONS, ALL_PROTECTIONS, None),
        (frozenset({P.RLIMITS, P.PROCESS_GROUP_KILL, P.SECCOMP, P.LANDLOCK_FILES}), frozenset(), None),
        (
            frozenset({P.RLIMITS, P.PID_NAMESPACE, P.NETWORK_NAMESPACE, P.MOUNT_NAMESPACE, P.UNPRIVILEGED_USER}),
            frozenset(),
            None,
        ),
        (frozenset(), frozenset(), "limits on resources: needs rlimits"),
        (ALL_PROTECTIONS - {P.SECCOMP, P.NETWORK_NAMESPACE}, frozenset(), "no network: needs "),
        (ALL_PROTECTIONS - {P.MOUNT_NAMESPACE, P.LANDLOCK_FILES}, frozenset(), "no files of others: needs "),
        (ALL_PROTECTIONS - {P.PID_NAMESPACE, P.SECCOMP}, frozenset(), "no signals to others: needs "),
        (ALL_PROTECTIONS - {P.UNPRIVILEGED_USER, P.SECCOMP}, frozenset(), "a limit on processes: needs "),
        (ALL_PROTECTIONS - {P.SECCOMP}, frozenset({P.SECCOMP}), "required but not available: seccomp"),
    ],
)
def test_what_is_missing_is_named(
    active: frozenset[Protection], required: frozenset[Protection], missing: str | None
) -> None:
    said = missing_protection(active, required)
    assert said == missing if missing is None else str(said).startswith(missing)


def test_every_row_of_the_minimum_can_be_met_by_some_layer() -> None:
    assert all(layers <= ALL_PROTECTIONS and layers for _, layers in MINIMUM)


def test_the_description_has_a_line_for_each_layer_and_a_conclusion() -> None:
    lines = describe_protections().splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [layer.value for layer in Protection]
    assert {line.split()[1] for line in lines[:-1]} <= {"active", "missing"}
    assert lines[-1].startswith("programs ")


def test_probing_is_done_once() -> None:
    assert probe_protections() is probe_protections()


# Without no_new_privs an ordinary process may not install Landlock or seccomp; watching memory needs both namespaces.
IMPLIED = {
    P.NO_NEW_PRIVILEGES: {P.SECCOMP, P.LANDLOCK_FILES, P.LANDLOCK_NETWORK, P.LANDLOCK_SCOPE},
    P.MOUNT_NAMESPACE: {P.TOTAL_MEMORY, P.UNPRIVILEGED_USER},
    P.USER_NAMESPACE: {layer for layer in Protection if layer.endswith("namespace")} | {P.TOTAL_MEMORY},
}

ATTEMPTS = {
    "reads a file outside": "open('/etc/passwd')",
    "lists a folder outside": "import os; os.listdir('/var')",
    "writes outside": "open('/var/tmp/planted', 'w')",
    "connects": "import socket; socket.create_connection(('127.0.0.1', 9), 1)",
    "signals the first process": "import os; os.kill(1, 9) or 1 / (os.getpid() - 1)",
    "mounts": "import ctypes; 1 / (not ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "becomes root": "import os; os.setuid(0) or 1 / os.getuid()",
}


@pytest.mark.usefixtures("runner")
@pytest.mark.parametrize("layer", sorted(Protection))
def test_no_single_layer_is_all_there_is(layer: Protection) -> None:
    without = frozenset({layer})
    with ProgramRunner(without, preload=()) as runner:
        active = runner.worker().layers
        assert layer not in active
        assert probe_protections() - active <= {layer} | IMPLIED.get(layer, set())
        if missing := missing_protection(active, frozenset()):
            assert layer is P.RLIMITS or missing
            assert runner.run("print(1)").status is ProgramStatus.REFUSED
            return
        assert runner.run("print(1)").stdout == "1\n"
        for what, code in ATTEMPTS.items():
            result = runner.run(code, limits=Limits(wall_seconds=2))
            assert result.status is ProgramStatus.ERROR or what == "signals the first process", what
