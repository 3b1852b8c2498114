"""Short names of licences: a URL or words as pages write them, to one spelling each, so that pages can be counted.

In: a URL or words. Out: a name in SPDX's style (spdx.org/licenses): `CC-BY-SA-3.0`, `CC0-1.0`, `GFDL-1.3`, `MIT`;
with the jurisdiction where the licence is a ported one (`CC-BY-3.0-DE`), without a version where none is given. None
for what is not known here. A name says which text was pointed at, nothing about what it covers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

ALL_RIGHTS_RESERVED = "all-rights-reserved"
PUBLIC_DOMAIN = "public-domain"

_ARCHIVED = re.compile(r"^https?://web\.archive\.org/web/\w+/", re.IGNORECASE)
_CC_URL = re.compile(
    r"creativecommons\.org/licen[sc]es/(?P<parts>(?:by|nc|nd|sa)(?:-(?:by|nc|nd|sa))*)"
    r"(?:/(?P<version>\d\.\d))?(?:/(?P<place>[a-z]{2}|igo|scotland)(?=/|$))?(?![a-z-])",
    re.IGNORECASE,
)
_CC_ZERO = re.compile(r"creativecommons\.org/publicdomain/zero|\bcc[ -]?(?:0|zero)\b", re.IGNORECASE)
_GNU = re.compile(
    r"gnu\.org/(?:licen[sc]es|copyleft)/(?:old-licenses/)?(?P<kind>gpl|lgpl|agpl|fdl)(?:-?v?(?P<version>\d(?:\.\d)?))?"
    r"(?![a-z-])",
    re.IGNORECASE,
)
_OPENSOURCE = re.compile(
    r"(?:opensource\.org/licen[sc]es?|spdx\.org/licenses)/(?P<name>[a-z][\w.+-]*?)(?:\.(?:php|html?|json|txt))?/?$",
    re.IGNORECASE,
)
# Addresses with one meaning each. The last two are Stack Exchange's: the version depends on a post's date.
_ADDRESSES = (
    (re.compile(r"creativecommons\.org/(?:publicdomain/(?:mark|certification)|licen[sc]es/publicdomain)\b", re.I),
     PUBLIC_DOMAIN),
    (re.compile(r"apache\.org/licenses/LICENSE-(\d\.\d)", re.I), r"Apache-\1"),
    (re.compile(r"opendatacommons\.org/licenses/odbl\b", re.I), "ODbL-1.0"),
    (re.compile(r"opendatacommons\.org/licenses/by\b", re.I), "ODC-By-1.0"),
    (re.compile(r"opendatacommons\.org/licenses/pddl\b", re.I), "PDDL-1.0"),
    (re.compile(r"^https?://(?:[\w-]+\.)*(?:stackoverflow|stackexchange|superuser|serverfault|askubuntu|stackapps)"
                r"\.com/help/licensing\b", re.I), "CC-BY-SA"),
    (re.compile(r"^https?://mathoverflow\.net/help/licensing\b", re.I), "CC-BY-SA"),
)  # fmt: skip
# How opensource.org and spdx.org spell those that pages name most; others keep the spelling they came in.
_SPELLINGS = {
    "mit": "MIT", "mit-license": "MIT", "isc": "ISC", "isc-license": "ISC", "apache2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0", "bsd-license": "BSD-2-Clause", "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause", "mpl-2.0": "MPL-2.0", "gpl-license": "GPL", "gpl-2.0": "GPL-2.0",
    "gpl-3.0": "GPL-3.0", "lgpl-2.1": "LGPL-2.1", "lgpl-3.0": "LGPL-3.0", "agpl-3.0": "AGPL-3.0",
    "agpl-v3": "AGPL-3.0", "artistic-license-2.0": "Artistic-2.0", "artistic-2.0": "Artistic-2.0", "0bsd": "0BSD",
    "unlicense": "Unlicense",
}  # fmt: skip
# Between the parts people write hyphens, dashes, commas, slashes and "and"; a part that is missed makes a licence
# freer than it is.
_CC_WORDS = re.compile(
    r"\b(?:cc|creative commons)[ -]+(?P<parts>by(?:[ -](?:nc|nd|sa))*)"
    r"(?![ -]?(?!v?\d|licen[sc]e|version|international|unported)[a-z])"
    r"(?:[ -]+(?:licen[sc]e,? )?(?:v|version )?(?P<version>\d\.\d)\b)?"
    r"|creative commons attribution(?P<words>(?:[ ,/&\u2010-\u2015-]*(?:and )?"
    r"(?:non[ -]?commercial|share[ -]?alike|no[ -]?deriv(?:ative)?s?(?: works)?))*)"
    r"(?:[^\d]{0,40}?(?P<number>\d\.\d)\b)?",
    re.IGNORECASE,
)
_WORDS = (
    (re.compile(r"gnu free documentation licen[sc]e|\bgfdl\b", re.I), "GFDL"),
    (re.compile(r"\bapache(?: software)? licen[sc]e,? (?:version |v)?2\.0\b|^apache[- ]2\.0$", re.I), "Apache-2.0"),
    (re.compile(r"\bmit licen[sc]e\b|^mit$", re.I), "MIT"),
    (re.compile(r"\bpublic domain\b", re.I), PUBLIC_DOMAIN),
    (re.compile(r"\ball rights? reserved\b|\balle rechte vorbehalten\b|\btous droits réservés\b", re.I),
     ALL_RIGHTS_RESERVED),
)  # fmt: skip
_ORDER = ("by", "nc", "nd", "sa")


def licence_of_url(url: str) -> str | None:
    """The name of the licence that a URL stands for; None where it is not known here."""
    url = _ARCHIVED.sub("", url)
    if match := _CC_URL.search(url):
        place = match["place"]
        return _cc_name(match["parts"].lower().split("-"), match["version"], place)
    if _CC_ZERO.search(url):
        return "CC0-1.0"
    if match := _GNU.search(url):
        kind = {"fdl": "GFDL"}.get(match["kind"].lower(), match["kind"].upper())
        version = match["version"]
        return f"{kind}-{version if '.' in version else f'{version}.0'}" if version else kind
    if match := _OPENSOURCE.search(url):
        return _SPELLINGS.get(match["name"].lower(), match["name"])
    for pattern, name in _ADDRESSES:
        if match := pattern.search(url):
            return match.expand(name)
    if "wiki" in url.lower():  # Wikipedia:Text_of_Creative_Commons_Attribution-ShareAlike_3.0_Unported_License
        return licence_of_words(url.replace("_", " "))
    return None


def licence_of_words(words: str) -> str | None:
    """The name of the licence that words name; None where they name none that is known here."""
    if match := _CC_WORDS.search(words):
        if match["parts"]:
            return _cc_name(re.split("[ -]", match["parts"].lower()), match["version"], None)
        return _cc_name(_abbreviated(match["words"]), match["number"], None)
    if _CC_ZERO.search(words):
        return "CC0-1.0"
    return next((name for pattern, name in _WORDS if pattern.search(words)), None)


def _abbreviated(words: str) -> list[str]:
    said: Callable[[str], bool] = re.sub(r"[^a-z]", "", words.lower()).__contains__
    return ["by", *(short for short, long in (("nc", "noncommercial"), ("nd", "noderiv"), ("sa", "sharealike"))
                    if said(long))]  # fmt: skip


def _cc_name(parts: list[str], version: str | None, place: str | None) -> str:
    """Parts in SPDX's order: version 1.0 was written `by-nd-nc` by its authors."""
    named = [part.upper() for part in _ORDER if part in parts]
    return "-".join(["CC", *named, *([version] if version else []), *([place.upper()] if place else [])])
