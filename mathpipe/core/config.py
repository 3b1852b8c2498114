"""Configuration: frozen pydantic models that refuse unknown keys, read from YAML with `--set a.b=value` on top.

An error names the file, the key's path, what was expected, and the nearest valid key.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

import mathpipe
from mathpipe.core.errors import ConfigError


class Config(BaseModel):
    """Frozen values beside the code they configure; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _no_address(value: Any) -> Any:
    if isinstance(value, str | Path) and re.match("[a-z0-9]{2,}:/", str(value)):
        raise PydanticCustomError(
            "address", "a folder on disk (run, generate and recall keep a copy on an object store: runner.mirror)"
        )
    return value


# Where outputs go. Runs work on a disk; `s3://bucket/x` would become a folder named `s3:`.
OutputFolder = Annotated[Path, BeforeValidator(_no_address)]

C = TypeVar("C", bound=Config)


def load_config(path: Path, kind: type[C], overrides: Sequence[str] = ()) -> C:
    """Read a YAML file, apply `a.b=value` overrides (values are YAML), and check it against the model."""
    path = find_config(path)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            str(path), f"valid YAML ({' '.join(str(error).split())})", "mend the line it names"
        ) from None
    if not isinstance(values, dict):
        raise ConfigError(str(path), "a mapping of keys to values at the top", "write `key: value` lines")
    for override in overrides:
        _apply(values, override)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _explain(path, kind, error) from None


def override(config: C, overrides: Sequence[str]) -> C:
    """The config with `a.b=value` overrides on top, checked anew."""
    if not overrides:
        return config
    values = config.model_dump()
    for text in overrides:
        _apply(values, text)
    try:
        return type(config).model_validate(values)
    except ValidationError as error:
        raise _explain(Path("--set"), type(config), error) from None


def find_config(path: Path) -> Path:
    """The file itself, or the shipped config of that name (`demo` for `configs/demo.yaml`)."""
    package = Path(mathpipe.__file__).parent
    for folder in (package / "configs", package.parent / "configs"):
        shipped = folder / f"{path}.yaml"
        if not path.is_file() and path.name == str(path) and shipped.is_file():
            return shipped
    if not path.is_file():
        raise ConfigError(str(path), "a YAML file that exists", "check the path; examples lie in configs/")
    return path


def _apply(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {override}", "the form a.b=value", "for example --set runner.workers=2")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    *parents, last = key.split(".")
    at = values
    for name in parents:
        below = at.setdefault(name, {})
        if not isinstance(below, dict):
            raise ConfigError(f"--set {override}", f"{name} to be a section", "name a key inside a section")
        at = below
    at[last] = value


def _explain(path: Path, kind: type[Config], error: ValidationError) -> ConfigError:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the top level"
    more = "" if error.error_count() == 1 else f" (and {error.error_count() - 1} more faults)"
    if fault["type"] == "extra_forbidden":
        known = _keys_at(kind, [str(part) for part in fault["loc"][:-1]])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1)
        repair = f"did you mean {near[0]!r}?" if near else f"valid keys here: {', '.join(known)}"
        return ConfigError(f"{path}: {where}", "a key that exists" + more, repair)
    given = "" if fault["type"] == "missing" else f", not {fault.get('input')!r}"
    return ConfigError(f"{path}: {where}", f"{fault['msg'].lower()}{given}{more}", f"give {where} such a value")


def _keys_at(kind: type[BaseModel], location: list[str]) -> list[str]:
    for name in location:
        field = kind.model_fields.get(name)
        if field is None:
            continue
        models = [kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)]
        if models:
            kind = models[0]
    return list(kind.model_fields)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def files_named_in(config: BaseModel) -> Iterator[Path]:
    """Every existing file that a config names by a `Path` field: its content decides a stage's output too."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, BaseModel):
                yield from files_named_in(item)
            elif isinstance(item, Path) and item.is_file():
                yield item
