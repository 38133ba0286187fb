"""Planted alpha is found, deployed and traced from birth to paper; noise yields nothing."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from common.events.trace import parse
from common.market.synthetic import noise
from tests.flow.conftest import Evolve


def _spans(text: str) -> Iterator[dict[str, Any]]:
    """The spans that the console exporter wrote between other lines."""
    decoder = json.JSONDecoder()
    position = text.find("{")
    while position >= 0:
        try:
            found, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            end = position + 1
        else:
            yield found
        position = text.find("{", end)


def test_planted_alpha_becomes_champions_on_paper_in_one_trace(
    evolve: Evolve, capsys: pytest.CaptureFixture[str]
) -> None:
    result = evolve(traces="console")
    assert result.run["champions"] > 0
    assert result.run["deployments"] > 0
    assert 0 < result.run["birth_to_deployment_s_p50"] <= result.run["birth_to_deployment_s_p99"]
    on_paper = [row for row in result.champions if row["state"] == "paper"]
    assert on_paper
    assert all(row["performance"]["bars"] > 0 for row in on_paper)

    spans = list(_spans(capsys.readouterr().err))
    champion = next(row for row in result.chronicle.of("champion") if row["genome_id"] == on_paper[0]["genome_id"])
    ids = parse(champion["trace"])
    assert ids is not None
    mine = {span["context"]["span_id"]: span for span in spans if int(span["context"]["trace_id"], 16) == ids[0]}
    roots = [span for span in mine.values() if span["parent_id"] is None]
    assert [span["name"] for span in roots] == ["generator.publish evo.genome.proposed.v1"]
    assert all(span["parent_id"] in mine for span in mine.values() if span["parent_id"] is not None)
    assert {"evaluator", "selector", "deployer"} <= {span["name"].split(".")[0] for span in mine.values()}
    assert any(span["name"] == "deployer.publish evo.deployment.changed.v1" for span in mine.values())


def test_the_files_agree_with_each_other(evolve: Evolve) -> None:
    result = evolve()
    folder, run = result.folder, result.run
    assert folder.result() == run
    assert folder.champions() == result.champions
    assert len(result.champions) == run["champions"]
    assert run["registered"] == run["vault_reads"] == run["champions"] + sum(run["refusals"].values())
    assert (run["vault_looks"], run["vault_looks_unregistered"]) == (run["vault_reads"], 0)
    assert run["strategies_evaluated"] == 4 * 2 * 128
    assert {row["genome_id"] for row in result.chronicle.of("candidate")} >= {
        row["genome_id"] for row in result.champions
    }
    page = folder.report.read_text()
    assert page.count("<script") == page.count("</script>")
    assert f"{run['champions']} champions survived" in page
    assert f"Looks at the vault: {run['vault_reads']} counted by the islands" in page
    assert all(f"Champion {row['genome_id'][:8]}" in page for row in result.champions)
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)=", markup), "the page needs the network"


def test_noise_yields_nothing(evolve: Evolve) -> None:
    result = evolve([noise(1, 2500)])
    assert result.run["champions"] == 0
    assert result.champions == []
    assert result.run["birth_to_deployment_s_p50"] is None
    assert "Nothing survived" in result.folder.report.read_text()
