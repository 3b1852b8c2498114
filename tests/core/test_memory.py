import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_the_peak_is_that_since_the_mark():
    code = (
        "from mathpipe.core import memory\n"
        "big = b'x' * (200 << 20); high = memory.peak_rss_bytes(); del big\n"
        "memory.reset_peak(); low = memory.peak_rss_bytes()\n"
        "print(high - low > 150 << 20, abs(memory.rss_bytes() - low) < 20 << 20)\n"
    )
    assert _python(code) == "True True"


def test_allocations_beyond_the_bound_fail_and_smaller_ones_go_on():
    code = (
        "from mathpipe.core.memory import bound_private_bytes\n"
        "bound_private_bytes(100 << 20)\n"
        "try:\n    bytearray(300 << 20)\n    print('allowed')\n"
        "except MemoryError:\n    print('refused', len(bytearray(20 << 20)))\n"
    )
    assert _python(code) == f"refused {20 << 20}"


def test_a_bound_of_nothing_still_lets_a_process_end():
    code = (
        "from mathpipe.core.memory import bound_private_bytes, rss_bytes\n"
        "bound_private_bytes(0)\nprint(rss_bytes() > 0)\n"
    )
    assert _python(code) == "True"
