"""Dashboard, alerts and scrape configs: what they ask for exists, and Prometheus itself says what they do."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest
import yaml

from pipeline.cluster.metrics import METRICS, Metric
from tests.conftest import ROOT
from tests.metrics.asked import MONITORING, Json, dashboard, names_in, panels, queries, rules

ALERT_TESTS = ROOT / "tests" / "metrics" / "alerts.promtool.yaml"
PANEL_UNITS = {"short", "s", "bytes", "Bps", "percentunit", "percent"}
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def scraped_names(metric: Metric) -> set[str]:
    return {f"ray_{metric.name}{suffix}" for suffix in SUFFIXES[metric.kind]}


OUR_NAMES = {name for metric in METRICS for name in scraped_names(metric)}


def promtool(*arguments: object) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian: prometheus), which checks what Prometheus will do with these files")
    checked = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_dashboard_and_alerts_name_only_metrics_of_ours_that_exist() -> None:
    asked = {name for query in queries() for name in names_in(query) if name.startswith("ray_pagemill")}
    assert len(asked) > 20
    assert asked <= OUR_NAMES


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for panel in panels() for name in names_in(json.dumps(panel))}
    assert [metric.name for metric in METRICS if not scraped_names(metric) & shown] == []


def test_queries_match_and_sum_by_labels_that_a_metric_has() -> None:
    """`{mode="base"}` on a metric without `mode` would be an empty panel that looks well."""
    labels = {f"ray_{metric.name}": {"dataset", "build", *metric.labels} for metric in METRICS}
    for query in queries():
        for name, selector in re.findall(r"\b(ray_pagemill_[a-z0-9_]+)\{([^}]*)\}", query):
            metric = re.sub(r"_(bucket|count|sum)$", "", name) if name not in labels else name
            assert set(re.findall(r"(\w+)=", selector)) <= labels[metric], query


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_conventions_of_prometheus(metric: Metric) -> None:
    assert re.fullmatch(r"pagemill_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert ("_seconds" in metric.name) == (metric.unit == "seconds")
    assert ("_bytes" in metric.name) == (metric.unit == "bytes")
    assert bool(metric.bounds) == (metric.kind == "histogram")
    assert list(metric.bounds) == sorted(set(metric.bounds))
    assert not set(metric.labels) & {"doc_id", "page_id", "shard_id", "worker", "uri", "dataset", "build"}


def test_the_names_of_metrics_are_different() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """Grafana fills in the variables; a panel that names a data source of ours would be empty elsewhere."""
    whole = dashboard()
    variables = {variable["name"]: variable["type"] for variable in cast(dict[str, list[Json]], whole["templating"])["list"]}
    assert variables == {"datasource": "datasource", "dataset": "query", "build": "query"}
    every = cast(list[Json], whole["panels"])
    assert len({panel["id"] for panel in every}) == len(every)
    assert [panel["title"] for panel in every if panel["type"] == "row"] == [
        *("Progress", "Quality", "Engine", "Rendering", "Storage", "Trouble")
    ]
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert cast(dict[str, Json], panel["fieldConfig"])["defaults"]["unit"] in PANEL_UNITS, panel["title"]
        assert panel["description"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in cast(list[Json], dashboard()["panels"]):
        place = cast(dict[str, int], panel["gridPos"])
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_every_alert_says_what_to_look_at_with_which_command() -> None:
    from jobs.pagemill import COMMANDS

    for rule in rules():
        annotations = cast(dict[str, str], rule["annotations"])
        said = re.findall(r"`pagemill (\w+)", annotations["runbook"])
        assert said, rule["alert"]
        assert set(said) <= set(COMMANDS)


def test_every_alert_is_tried_firing() -> None:
    tried = ALERT_TESTS.read_text()
    assert [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in tried] == []


def test_each_alert_fires_when_it_should_and_is_silent_when_not() -> None:
    promtool("test", "rules", ALERT_TESTS)


def test_prometheus_takes_the_rules_and_the_scrape_config() -> None:
    promtool("check", "rules", MONITORING / "alerts.yaml")
    promtool("check", "config", MONITORING / "prometheus.yaml")


def test_the_kubernetes_config_relabels_as_prometheus_allows(tmp_path: Path) -> None:
    """Debian's Prometheus is built without the discovery of pods: all else is checked."""
    config = yaml.safe_load((MONITORING / "prometheus-kubernetes.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    (tmp_path / "alerts.yaml").write_text((MONITORING / "alerts.yaml").read_text())
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    promtool("check", "config", tmp_path / "prometheus.yaml")


def test_every_query_of_the_dashboard_is_one_that_prometheus_can_parse(tmp_path: Path) -> None:
    expressions = [str(target["expr"]) for panel in panels() for target in cast(list[Json], panel["targets"])]
    recorded = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", tmp_path / "panels.yaml")


def test_the_readme_of_the_folder_lists_every_metric() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", (MONITORING / "README.md").read_text(), re.MULTILINE)
    assert listed == [(metric.name, metric.kind) for metric in METRICS]
