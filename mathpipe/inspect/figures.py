"""How numbers are written for people: thousands apart, sizes in powers of 1,000, times in the unit that fits."""

from __future__ import annotations


def whole(value: float) -> str:
    """1234567 as 1,234,567."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """1234567 as 1.23M: three digits and a suffix; below 10,000 in full."""
    if abs(value) < 10_000:
        return whole(value) if value == int(value) else f"{value:,.1f}"
    for suffix in ("K", "M", "B", "T"):
        value /= 1_000
        if abs(value) < 999.5:
            return f"{value:.3g}{suffix}" if abs(value) < 99.95 else f"{value:.0f}{suffix}"
    return f"{value:,.0f}T"


def share(part: float, total: float) -> str:
    """Part of a total in percent; tiny shares keep two digits, so that one in a million is not 0%."""
    if total <= 0:
        return "–"
    percent = 100 * part / total
    if percent in (0, 100):
        return f"{percent:.0f}%"
    if percent > 99.9:
        return f"{min(percent, 99.99):.2f}%"
    return f"{percent:.1f}%" if percent >= 1 else f"{percent:.2g}%"


def size(count: float) -> str:
    """Bytes as 1.23 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} B" if unit == "B" else f"{_three_digits(count)} {unit}"
        count /= 1_000
    return f"{count:,.2f} TB"


def speed(amount: float, seconds: float) -> str:
    """Amount a second, to three digits; a dash where no time passed."""
    if seconds <= 0:
        return "–"
    per_second = amount / seconds
    return whole(per_second) if per_second >= 99.95 else _three_digits(per_second)


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def duration(seconds: float) -> str:
    """Seconds as 850 ms, 12.3 s, 4 min 05 s or 3 h 12 min."""
    if seconds < 1:
        return f"{1_000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
