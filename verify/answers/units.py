"""Units: how they are spelled, and how far apart they are.

In: a phrase such as "square units", "cm^2", "miles per hour", "apples". Out: a canonical unit, sorted (name,
exponent) pairs; and between two units the exact factor that turns one into the other. Factors are those of the SI
brochure (9th edition) and of NIST Special Publication 811, appendix B; cups and gallons are the United States' ones.
A plain word that is no unit ("apples") is a label: it can agree or disagree, but converts into nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType

from flint import fmpq

Unit = tuple[tuple[str, int], ...]

LABEL = "word:"
PERCENT: Unit = (("percent", 1),)
DEGREE: Unit = (("degree", 1),)
RADIAN: Unit = (("radian", 1),)

# name | dimension | factor to the dimension's first unit | spellings. A dimension is a product such as `length*2`.
_TABLE = """
meter | length | 1 | m meter meters metre metres
kilometer | length | 1000 | km kilometer kilometers kilometre kilometres kms
decimeter | length | 1/10 | dm decimeter decimeters decimetre decimetres
centimeter | length | 1/100 | cm centimeter centimeters centimetre centimetres cms
millimeter | length | 1/1000 | mm millimeter millimeters millimetre millimetres
micrometer | length | 1/1000000 | μm µm um micrometer micrometers micron microns
nanometer | length | 1/1000000000 | nm nanometer nanometers nanometre nanometres
inch | length | 127/5000 | in inch inches
foot | length | 381/1250 | ft foot feet
yard | length | 1143/1250 | yd yds yard yards
mile | length | 201168/125 | mi mile miles
second | time | 1 | s sec secs second seconds
millisecond | time | 1/1000 | ms millisecond milliseconds
minute | time | 60 | min mins minute minutes
hour | time | 3600 | h hr hrs hour hours
day | time | 86400 | d day days
week | time | 604800 | wk week weeks
month | calendar | 1 | month months
year | calendar | 12 | yr yrs year years
kilogram | mass | 1 | kg kgs kilogram kilograms kilogramme kilogrammes kilo kilos
gram | mass | 1/1000 | g gram grams gramme grammes
milligram | mass | 1/1000000 | mg milligram milligrams
tonne | mass | 1000 | t tonne tonnes
ton | short-ton | 1 | ton tons
pound | mass | 45359237/100000000 | lb lbs pound pounds
ounce | mass | 45359237/1600000000 | oz ounce ounces
liter | length*3 | 1/1000 | l L liter liters litre litres
deciliter | length*3 | 1/10000 | dl dL deciliter deciliters
centiliter | length*3 | 1/100000 | cl cL centiliter centiliters
milliliter | length*3 | 1/1000000 | ml mL milliliter milliliters millilitre millilitres cc
gallon | length*3 | 473176473/125000000000 | gal gallon gallons
quart | length*3 | 473176473/500000000000 | qt quart quarts
pint | length*3 | 473176473/1000000000000 | pt pint pints
cup | length*3 | 473176473/2000000000000 | cup cups
tablespoon | length*3 | 473176473/32000000000000 | tbsp tablespoon tablespoons
teaspoon | length*3 | 473176473/96000000000000 | tsp teaspoon teaspoons
acre | length*2 | 316160658/78125 | acre acres
hectare | length*2 | 10000 | ha hectare hectares
kph | length*1 time*-1 | 5/18 | kph kmh kmph
mph | length*1 time*-1 | 1397/3125 | mph
newton | mass*1 length*1 time*-2 | 1 | N newton newtons
kilonewton | mass*1 length*1 time*-2 | 1000 | kN kilonewton kilonewtons
joule | mass*1 length*2 time*-2 | 1 | J joule joules
kilojoule | mass*1 length*2 time*-2 | 1000 | kJ kilojoule kilojoules
watt | mass*1 length*2 time*-3 | 1 | W watt watts
kilowatt | mass*1 length*2 time*-3 | 1000 | kW kilowatt kilowatts
pascal | mass*1 length*-1 time*-2 | 1 | Pa pascal pascals
kilopascal | mass*1 length*-1 time*-2 | 1000 | kPa kilopascal kilopascals
hertz | time*-1 | 1 | Hz hertz
ampere | current | 1 | A amp amps ampere amperes
volt | mass*1 length*2 time*-3 current*-1 | 1 | V volt volts
ohm | mass*1 length*2 time*-3 current*-2 | 1 | ohm ohms Ω
coulomb | current*1 time*1 | 1 | C coulomb coulombs
mole | amount | 1 | mol mole moles
kelvin | temperature | 1 | K kelvin kelvins
celsius | celsius | 1 | °C celsius
fahrenheit | fahrenheit | 1 | °F fahrenheit
byte | information | 8 | byte bytes
bit | information | 1 | bit bits
degree | angle | 1 | ° deg degree degrees
arcminute | angle | 1/60 | arcminute arcminutes
arcsecond | angle | 1/3600 | arcsecond arcseconds
radian | radian | 1 | rad radian radians
percent | pure | 1/100 | % percent pct percentage percents
dozen | pure | 12 | dozen dozens
dollar | dollar | 1 | $ usd dollar dollars buck bucks
cent | dollar | 1/100 | ¢ cent cents
euro | euro | 1 | € eur euro euros
sterling | sterling | 1 | £ gbp quid
pence | sterling | 1/100 | penny pence
yen | yen | 1 | jpy yen
yuan | yuan | 1 | ¥ cny rmb yuan
rupee | rupee | 1 | ₹ inr rs rupee rupees
ruble | ruble | 1 | ₽ rub ruble rubles rouble roubles
unit | unit | 1 | unit units
"""
_POWERS = {"square": 2, "squared": 2, "sq": 2, "cubic": 3, "cubed": 3, "cu": 3}
_TOKEN = re.compile(r"\s*(\^\s*\{?\s*(-?\d+)\s*\}?|[²³]|[·*⋅×/]|[^\s^²³·*⋅×/{}()]+|[{}()]|\S)")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", re.UNICODE)
_MAX_PHRASE = 60
_MAX_LABEL_WORDS = 3
# A label made of these would swallow the logic of an answer, or its negation.
_NO_LABEL = frozenset(
    "and or not if is are was be the then than when where for with from to no none all any each either neither both "
    "so thus hence only but true false yes even odd positive negative infinite infinity undefined less more greater "
    "otherwise happens never "
    "least most about approximately almost nearly over under times plus minus point half quarter hundred thousand "
    "million billion trillion mod in of x y z n k".split()
)


def _dimension(text: str) -> Unit:
    pairs = [part.partition("*") for part in text.split()]
    return tuple(sorted((name, int(power or 1)) for name, _, power in pairs))


@cache
def _tables() -> tuple[Mapping[str, Unit], Mapping[str, tuple[Unit, fmpq]]]:
    """Spelling → unit, and name → (dimension, factor)."""
    spellings: dict[str, Unit] = {}
    scales: dict[str, tuple[Unit, fmpq]] = {}
    for line in _TABLE.strip().splitlines():
        name, dimension, factor, words = (cell.strip() for cell in line.split("|"))
        scales[name] = (_dimension(dimension), fmpq(*map(int, factor.split("/"))))
        for word in words.split():
            spellings[word] = ((name, 1),)
    return MappingProxyType(spellings), MappingProxyType(scales)


def unit_names() -> Mapping[str, Unit]:
    """Every spelling that is a unit by itself. Symbols keep their case (`mW` is not `MW`), words are lower case."""
    return _tables()[0]


@lru_cache(maxsize=4096)
def read_unit(words: str) -> Unit | None:
    """The unit that a phrase names; up to three plain words that are none make a label; None where it is neither."""
    if not words or len(words) > _MAX_PHRASE:
        return None
    unit = _read_product(words)
    return _read_label(words) if unit is None else unit


def _read_product(words: str) -> Unit | None:
    """The phrase as a product of known units, or None."""
    powers: dict[str, int] = {}
    sign, pending = 1, 1
    last: list[str] = []
    for token in _tokens(words):
        if token in {"·", "*", "⋅", "×", "(", ")", "{", "}", "-"}:
            continue
        if token in {"/", "per"}:
            sign, last = -1, []
        elif token in _POWERS and token in {"squared", "cubed"}:
            if not last:
                return None
            _raise(powers, last, sign * (_POWERS[token] - 1))
        elif token.lower() in _POWERS:
            pending = _POWERS[token.lower()]
        elif token[0] in "^²³":
            if not last or token == "^":
                return None
            _raise(powers, last, sign * (_exponent(token) - 1))
        else:
            found = _lookup(token)
            if found is None:
                return None
            last = [name for name, _ in found]
            _raise(powers, last, sign * pending)
            pending = 1
    return tuple(sorted((name, power) for name, power in powers.items() if power)) if last else None


def _tokens(words: str) -> list[str]:
    words = re.sub(r"(?i)\bper\s+cent\b", "percent", words)
    words = re.sub(r"(?i)\bdegrees?\s+(celsius|fahrenheit|c|f)\b", lambda found: f"°{found[1][0].upper()}", words)
    return [found[1] for found in _TOKEN.finditer(words.rstrip(" ."))]


def _lookup(token: str) -> Unit | None:
    names = unit_names()
    return names.get(token) or names.get(token.lower() if len(token) > 2 else token)


def _exponent(token: str) -> int:
    if token in "²³":
        return 2 if token == "²" else 3
    return max(-9, min(9, int(token.strip("^{} \t"))))


def _raise(powers: dict[str, int], names: list[str], by: int) -> None:
    for name in names:
        powers[name] = powers.get(name, 0) + by


def _read_label(words: str) -> Unit | None:
    found = words.split()
    if not 1 <= len(found) <= _MAX_LABEL_WORDS or not all(_WORD.fullmatch(word) for word in found):
        return None
    folded = [word.lower() for word in found]
    if _NO_LABEL.intersection(folded) or min(map(len, folded)) < 2:
        return None
    return ((LABEL + " ".join(_singular(word) for word in folded), 1),)


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def is_label(unit: Unit) -> bool:
    """Whether any part of the unit is a plain word."""
    return any(name.startswith(LABEL) for name, _ in unit)


def is_generic(unit: Unit) -> bool:
    """Whether it only says "units", "square units": any unit agrees with that."""
    return all(name == "unit" for name, _ in unit)


def factor_between(of: Unit, to: Unit) -> fmpq | None:
    """How many of `to` one `of` is; None where they measure different things. Labels agree if they share a word."""
    if of == to:
        return fmpq(1)
    if is_label(of) or is_label(to):
        return fmpq(1) if _label_words(of) & _label_words(to) else None
    first, second = _scale(of), _scale(to)
    if first[0] != second[0]:
        return None
    return first[1] / second[1]


def _label_words(unit: Unit) -> set[str]:
    return {word for name, _ in unit for word in name.removeprefix(LABEL).split()}


def _scale(unit: Unit) -> tuple[Unit, fmpq]:
    """Dimension and factor of a whole unit."""
    powers: dict[str, int] = {}
    factor = fmpq(1)
    for name, power in unit:
        dimension, scale = _tables()[1][name]
        factor *= scale**power
        for part, exponent in dimension:
            powers[part] = powers.get(part, 0) + exponent * power
    return tuple(sorted((part, power) for part, power in powers.items() if power and part != "pure")), factor
