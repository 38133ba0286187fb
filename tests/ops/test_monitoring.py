"""Alerts, dashboards and the collector speak of metrics that exist, and ring when they should."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.telemetry import names
from tools.tidy import ROOT

OPS = ROOT / "ops"
RULES = OPS / "prometheus" / "alerts.yml"
DASHBOARDS = sorted((OPS / "grafana" / "dashboards").glob("*.json"))
SERIES = {series: metric for metric in names.METRICS for series in metric.series}
OF_PROCESS = {"job", "instance", "le"}
"""Labels that every series has, or every histogram."""


def label(attribute: str) -> str:
    """An attribute as Prometheus stores it."""
    return attribute.replace(".", "_")


def queries() -> dict[str, str]:
    """Every PromQL expression of alerts and dashboards, by where it stands."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for dashboard in DASHBOARDS:
        for panel in json.loads(dashboard.read_text())["panels"]:
            for target in panel["targets"]:
                found[f"{dashboard.stem}/{panel['title']}/{target['refId']}"] = target["expr"]
    return found


QUERIES = queries()


def problems(query: str) -> list[str]:
    """Names in a query that nothing here tells, and labels that none of its metrics has."""
    series = set(re.findall(r"\bgalapagos_\w+", re.sub(r"\{[^}]*\}|\b(by|on|without) *\([^)]*\)", "", query)))
    unknown = sorted(series - SERIES.keys())
    allowed = OF_PROCESS | {label(each) for name in series & SERIES.keys() for each in SERIES[name].labels}
    used = set(re.findall(r"(\w+) *(?:=~|!~|!=|=)", " ".join(re.findall(r"\{([^}]*)\}", query))))
    for listed in re.findall(r"\b(?:by|on|without) *\(([^)]*)\)", query):
        used |= {each.strip() for each in listed.split(",")}
    return unknown + sorted(used - allowed)


@pytest.mark.parametrize("place", QUERIES)
def test_a_query_names_only_what_is_told(place: str) -> None:
    if "up{" not in QUERIES[place]:
        assert problems(QUERIES[place]) == []
        assert "galapagos_" in QUERIES[place]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("rate(galapagos_genome_total[5m])", ["galapagos_genome_total"]),
        ("sum by (service) (galapagos_lag)", ["service"]),
        ('galapagos_lag{galapagos_service="a", island="1"} > 0', ["island"]),
        ("galapagos_step_duration_seconds", ["galapagos_step_duration_seconds"]),
    ],
)
def test_a_query_about_something_else_is_seen(query: str, wrong: list[str]) -> None:
    assert problems(query) == wrong


def test_every_metric_is_looked_at_somewhere() -> None:
    text = " ".join(QUERIES.values())
    assert [metric.name for metric in names.METRICS if not any(series in text for series in metric.series)] == []


@pytest.mark.parametrize("metric", names.METRICS, ids=lambda metric: metric.name)
def test_names_in_the_sources_stand_in_one_file(metric: names.Metric) -> None:
    here = Path(names.__file__)
    elsewhere = [
        path
        for folder in ("libs", "services")
        for path in (ROOT / folder).rglob("*.py")
        if path != here and f'"{metric.name}"' in path.read_text(encoding="utf-8")
    ]
    assert elsewhere == []
    assert metric in vars(names).values()


def check(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration(promtool: str) -> None:
    check(promtool, "check", "config", "prometheus.yml", cwd=OPS / "prometheus")


def test_alerts_ring_when_they_should(promtool: str) -> None:
    check(promtool, "test", "rules", "alerts.test.yml", cwd=OPS / "prometheus")


def test_prometheus_understands_every_query_of_the_dashboards(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(QUERIES.values())
    ]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    check(promtool, "check", "rules", "rules.yml", cwd=tmp_path)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_uses_what_grafana_is_provisioned_with(dashboard: Path) -> None:
    provisioned = yaml.safe_load((OPS / "grafana/provisioning/datasources/galapagos.yaml").read_text())
    known = {(each["type"], each["uid"]) for each in provisioned["datasources"]}
    panels: list[dict[str, Any]] = json.loads(dashboard.read_text())["panels"]
    used = [each["datasource"] for panel in panels for each in (panel, *panel["targets"])]
    assert {(each["type"], each["uid"]) for each in used} <= known
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_the_collector_hands_on_what_comes_in() -> None:
    collector = yaml.safe_load((OPS / "collector.yaml").read_text())
    for signal, pipeline in collector["service"]["pipelines"].items():
        assert signal in ("traces", "metrics")
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= collector[part].keys()
            assert pipeline[part]
    scraped = yaml.safe_load((OPS / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    port = collector["exporters"]["prometheus"]["endpoint"].rpartition(":")[2]
    assert scraped["static_configs"] == [{"targets": [f"collector:{port}"]}]
    assert scraped["honor_labels"] is True


def test_the_document_explains_every_metric_and_none_that_is_not_there() -> None:
    text = (ROOT / "docs/operate.md").read_text()
    assert {metric.name for metric in names.METRICS} == set(re.findall(r"`(galapagos\.[a-z_.]+)`", text))
