"""What the dashboard and the alerts ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from typing import cast

import yaml

from tests.conftest import ROOT

MONITORING = ROOT / "infra" / "monitoring"
Json = dict[str, object]


def dashboard() -> Json:
    return cast(Json, json.loads((MONITORING / "grafana-dashboard.json").read_text()))


def panels() -> list[Json]:
    return [panel for panel in cast(list[Json], dashboard()["panels"]) if panel["type"] != "row"]


def rules() -> list[Json]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> Iterator[str]:
    for panel in panels():
        yield from (str(target["expr"]) for target in cast(list[Json], panel["targets"]))
    templating = cast(dict[str, list[Json]], dashboard()["templating"])
    yield from (str(variable["query"]) for variable in templating["list"])
    yield from (str(rule["expr"]) for rule in rules())


def names_in(query: str) -> set[str]:
    return set(re.findall(r"\bray_[a-z0-9_]+", query))
