"""YAML to a BuildConfig and back; an unknown key is refused with its path and the nearest known one."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import yaml
from pydantic import ValidationError

from pipeline.config.addresses import WHERE_SECRETS_BELONG, asks_for_secret, without_secrets
from pipeline.config.build import BuildConfig
from pipeline.config.engines import ENGINE_SECTIONS
from pipeline.config.ladder import RUNG_SECTIONS
from pipeline.config.rules import RulesConfig
from pipeline.config.values import Section
from pipeline.errors import ConfigError

KINDS: Mapping[str, Mapping[str, type[Section]]] = {"engine": ENGINE_SECTIONS, "ladder": RUNG_SECTIONS}
"""Keys whose section depends on a kind that stands in it (`name` of an engine, `kind` of a rung)."""


def load_config(path: Path, settings: Sequence[str] = ()) -> BuildConfig:
    """Reads a YAML file and lays `settings` ("engine.workers=2", values in YAML) over it. Raises ConfigError."""
    values = _read(path)
    for setting in settings:
        values = with_setting(values, setting)
    return parse_config(values)


def yaml_of(config: BuildConfig) -> str:
    """Every value of the config, those that it does not name included: loaded again it is the same."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def load_rules(path: Path) -> RulesConfig:
    """The rules in a YAML file: the `rules` section of a config, or what stands in it (`pages`, `documents`). Raises
    ConfigError."""
    values = _read(path)
    nowhere = {"uri": "."}
    return parse_config({"input": nowhere, "output": nowhere, "rules": values.get("rules", values)}).rules


def _read(path: Path) -> dict[str, object]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {_told_of_yaml(error)}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping at its top level; see configs/quickstart.yaml for the shape")
    return values


def with_setting(values: Mapping[str, object], setting: str) -> dict[str, object]:
    """One "dotted.key=value" laid over plain values, as a new mapping. Raises ConfigError."""
    dotted_key, equals, text = setting.partition("=")
    if not equals or not dotted_key:
        raise ConfigError(f"--set {without_secrets(dotted_key)!r} is not KEY=VALUE; for example --set engine.workers=2")
    head, dot, rest = dotted_key.partition(".")
    if not dot:
        return {**values, head: _value_of(head, text)}
    inner = values.get(head, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(f"--set {without_secrets(dotted_key)}: {head} is a value, not a section")
    return {**values, head: with_setting(inner, f"{rest}={text}")}


def _value_of(key: str, text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value that --set gives {key!r} is not YAML: {_told_of_yaml(error)}") from None


def _told_of_yaml(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """What is wrong and where, without the line itself: it may hold a secret that should not stand there."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return f"{type(error).__name__}; look for bytes that are no UTF-8 text"
    return f"{error.problem or error.context} in line {mark.line + 1}, column {mark.column + 1}"


def parse_config(values: Mapping[str, object]) -> BuildConfig:
    """Plain values to a BuildConfig. Raises ConfigError that names each wrong key by its path."""
    try:
        return BuildConfig.model_validate(values)
    except ValidationError as error:
        problems = [_problem(tuple(p for p in e["loc"]), e["type"], e["msg"]) for e in error.errors()]
        raise ConfigError(without_secrets("; ".join(problems))) from error


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    steps, section = _walk(location)
    path = ".".join(steps)
    if kind == "extra_forbidden":
        known = sorted(section.model_fields)
        nearest = difflib.get_close_matches(steps[-1], known, n=1, cutoff=0.5)
        if not nearest and asks_for_secret(steps[-1]):
            return f"config key {path!r}: credentials never stand in a config; {WHERE_SECRETS_BELONG}"
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known keys here: {', '.join(known)}"
        return f"unknown config key {path!r}; {hint}"
    if kind == "missing":
        return f"config key {path!r} is missing"
    message = message.removeprefix("Value error, ")
    return f"config key {path!r}: {message[0].lower()}{message[1:]}"


def _walk(location: Sequence[int | str]) -> tuple[list[str], type[Section]]:
    """The path as a person wrote it, and the section that holds its last key. pydantic puts the chosen kind of an engine or
    a rung into the location: ("ladder", 0, "reread", "mood") is `ladder.0.mood`, looked for in RereadRung."""
    steps: list[str] = []
    section: type[Section] = BuildConfig
    kinds: Mapping[str, type[Section]] = {}
    for step in location:
        if step in kinds:
            section, kinds = kinds[str(step)], {}
            continue
        steps.append(str(step))
        if isinstance(step, str):
            kinds = KINDS.get(step, {})
            section = _section_under(section, step) or section
    return steps, section


def _section_under(section: type[Section], key: str) -> type[Section] | None:
    if key not in section.model_fields:
        return None
    annotation = section.model_fields[key].annotation
    candidates = (annotation, *get_args(annotation))
    sections = [each for each in candidates if isinstance(each, type) and issubclass(each, Section)]
    return sections[0] if len(sections) == 1 else None
