"""The stock questions, as SQL that a ClickHouse of 2018 and today's engine both run; ``{run}`` is the id of a run.

They read what is in the store, each event once. To ask something else, take one of these as the beginning.
"""

from dataclasses import dataclass

import pyarrow as pa

from common.errors import ConfigurationError
from common.events.spec import OBJECTIVES
from common.ports import Store
from recorder import lineage

_HEX = frozenset("0123456789abcdef")
_BEST = ", ".join(
    f"maxMerge({name}) AS best_{name}"
    for name in ("sharpe", "drawdown", "recovery", "consistency", "cvar", "turnover", "stress")
)
_FIGURES = "[" + ", ".join(f"any({name})" for name in OBJECTIVES) + "]"


@dataclass(frozen=True, slots=True)
class Question:
    """``about`` in one line. ``answer``: no single statement answers it. ``of_genome``: it starts from a genome."""

    name: str
    about: str
    sql: str = ""
    answer: lineage.Answer | None = None
    of_genome: bool = False


QUESTIONS: tuple[Question, ...] = (
    Question(
        "runs",
        "which runs the store holds, the latest first",
        "SELECT run_id, min(time_us) AS started_us, any(seed) AS seed_of_run, any(islands) AS islands_of_run "
        "FROM runs FINAL GROUP BY run_id ORDER BY started_us DESC",
    ),
    Question("ancestors", "the ancestors of ID (a champion, say), back to its founders", "", lineage.ANCESTORS, True),
    Question("descendants", "everything admitted that descends from ID", "", lineage.DESCENDANTS, True),
    Question("line", "from ID by first parents back to the founder, and what each gained", "", lineage.line, True),
    Question("traits", "what ID has from its line, since when, and how many of it have it", "", lineage.traits, True),
    Question("dynasties", "founders by their genes' share of the latest tenth and of champions", "", lineage.dynasties),
    Question(
        "heritability",
        "inherited performance: slope of admitted children on their parents' mean, by operator and objective",
        "SELECT operator, objective, count() AS families, covarPop(middle, own) / varPop(middle) AS slope, "
        "covarPop(middle, own) / sqrt(varPop(middle) * varPop(own)) AS correlation, avg(own > middle) AS better FROM "
        "(SELECT child_id, operator, objective, avg(parent_value) AS middle, any(child_value) AS own FROM "
        "(SELECT child_id, operator, parent_values, child_values FROM "
        "(SELECT child_id, parent_id, operator, parent_values FROM "
        "(SELECT DISTINCT child_id, parent_id, operator FROM genealogy "
        "WHERE run_id = '{run}' AND parent_id != '') AS edges "
        f"ALL INNER JOIN (SELECT genome_id AS parent_id, {_FIGURES} AS parent_values FROM members "
        "WHERE run_id = '{run}' GROUP BY parent_id) AS of_parents USING parent_id) AS pairs "
        f"ALL INNER JOIN (SELECT genome_id AS child_id, {_FIGURES} AS child_values FROM members "
        "WHERE run_id = '{run}' GROUP BY child_id) AS of_children USING child_id) "
        f"ARRAY JOIN {list(OBJECTIVES)} AS objective, parent_values AS parent_value, child_values AS child_value "
        "GROUP BY child_id, operator, objective) GROUP BY operator, objective ORDER BY operator, objective",
    ),
    Question(
        "operators",
        "operator success: offspring tried, measured and admitted, and the best Sharpe ratio, by operator",
        "SELECT operator, tries, measured, admissions, admissions / tries AS success, best_sharpe FROM "
        "(SELECT operator, sum(tried) AS tries, sum(passed) AS measured FROM operator_trials FINAL "
        "WHERE run_id = '{run}' GROUP BY operator) AS trials ANY LEFT JOIN "
        "(SELECT operator, sum(own) AS admissions, max(best) AS best_sharpe FROM "
        "(SELECT operator, island, generation, uniqExactMerge(admitted) AS own, maxMerge(sharpe_max) AS best "
        "FROM operator_admissions WHERE run_id = '{run}' GROUP BY operator, island, generation) "
        "GROUP BY operator) AS admitted USING operator "
        "ORDER BY success DESC",
    ),
    Question(
        "diversity",
        "diversity over time: of the alleles, and how many cells of behaviour are filled, by generation",
        "SELECT generation, avg(diversity) AS mean_diversity, min(diversity) AS lowest, max(diversity) AS highest, "
        "sum(archive_cells) AS cells FROM health_by_generation FINAL WHERE run_id = '{run}' "
        "GROUP BY generation ORDER BY generation",
    ),
    Question(
        "best",
        "the best value of each objective so far, by generation",
        f"SELECT generation, {_BEST} FROM best_by_generation WHERE run_id = '{{run}}' "
        "GROUP BY generation ORDER BY generation",
    ),
    Question(
        "pressure",
        "selection pressure: share of new members, their parents and how many of equal success, ages",
        "SELECT generation, sum(admitted) / sum(members) AS new_share, avg(parents) AS breeding, "
        "avg(effective_parents) AS effective, avg(mean_age) AS age, max(oldest_age) AS oldest, "
        "avg(front_share) AS on_front FROM selection FINAL WHERE run_id = '{run}' "
        "GROUP BY generation ORDER BY generation",
    ),
    Question(
        "throughput",
        "genomes answered a minute, by what became of them, and how long a cohort took on average",
        "SELECT toUInt32(minute) AS minute_s, sum(genomes) AS answered, sum(measured) AS worked, "
        "sum(refused) AS declined, sum(failed) AS broken, avg(took_us) / 1000000 AS mean_cohort_s "
        "FROM throughput_by_minute FINAL WHERE run_id = '{run}' GROUP BY minute_s ORDER BY minute_s",
    ),
    Question(
        "refusals",
        "candidates refused so far, by the first gate that failed",
        "SELECT gate, sum(refusals) AS candidates FROM (SELECT gate, refusals FROM islands FINAL "
        "ARRAY JOIN refusal_gates AS gate, refusal_counts AS refusals WHERE run_id = '{run}') "
        "GROUP BY gate ORDER BY candidates DESC, gate",
    ),
    Question(
        "migrations",
        "who sent how many members to whom: the migration matrix",
        "SELECT source, island AS destination, count() AS shipments, sum(members) AS genomes FROM migrations FINAL "
        "WHERE run_id = '{run}' GROUP BY source, destination ORDER BY source, destination",
    ),
    Question(
        "islands",
        "where each island stands",
        "SELECT island, generation, final, evaluated, archive_size, registered, champions FROM islands FINAL "
        "WHERE run_id = '{run}' ORDER BY island",
    ),
    Question(
        "slowest",
        "the twenty cohorts that took longest from proposal to answer",
        "SELECT island, generation, purpose, genomes, took_us / 1000000 AS took_s, topic_partition, topic_offset FROM "
        "(SELECT island, generation, purpose, genomes, toInt64(time_us) - toInt64(proposed_us) AS took_us, "
        "topic_partition, topic_offset FROM cohorts FINAL WHERE run_id = '{run}') ORDER BY took_us DESC LIMIT 20",
    ),
    Question(
        "parents",
        "the twenty genomes with most children that were admitted",
        "SELECT parent_id AS genome_id, uniqExact(child_id) AS children, min(generation) AS first_child, "
        "max(generation) AS last_child FROM descent WHERE run_id = '{run}' AND parent_id != '' "
        "GROUP BY parent_id ORDER BY children DESC, genome_id LIMIT 20",
    ),
    Question(
        "candidates",
        "genomes read for promotion and published seeds, with what became of them",
        "SELECT purpose, genome_id, operator, island, generation, status, sharpe, violation FROM candidates FINAL "
        "WHERE run_id = '{run}' ORDER BY purpose, generation, genome_id",
    ),
    Question(
        "champions",
        "what was promoted, with its figures in the three windows",
        "SELECT genome_id, niche, island, generation, operator, trials, training_sharpe_annual, "
        "validation_sharpe_annual, vault_sharpe_annual, vault_trades FROM champions FINAL WHERE run_id = '{run}' "
        "ORDER BY generation, genome_id",
    ),
    Question(
        "deployments",
        "each transition of each deployment, and how long after the birth of its strategy",
        "SELECT deployment, state, reason, instrument, "
        "(toInt64(time_us) - toInt64(born_us)) / 1000000 AS after_birth_s "
        "FROM deployments FINAL WHERE run_id = '{run}' ORDER BY deployment, time_us, state",
    ),
    Question(
        "performance",
        "what each deployment has earned on paper so far",
        "SELECT deployment, max(bars) AS bars_seen, max(trades) AS trades_made, "
        "argMax(equity, bar_ts_us) AS last_equity, max(drawdown_max) AS worst_drawdown "
        "FROM performance FINAL WHERE run_id = '{run}' GROUP BY deployment ORDER BY last_equity DESC",
    ),
    Question(
        "alerts",
        "alerts by kind and severity",
        "SELECT kind, severity, count() AS alerts_raised, max(time_us) AS latest_us FROM alerts FINAL "
        "WHERE run_id = '{run}' GROUP BY kind, severity ORDER BY latest_us DESC",
    ),
    Question(
        "audit",
        "orders that operators gave",
        "SELECT time_us, action, scope, issuer FROM audit FINAL WHERE run_id = '{run}' ORDER BY time_us",
    ),
    Question(
        "space",
        "rows and bytes on disk of each table, all runs together; repeated rows are still in",
        "SELECT table AS name, sum(rows) AS lines, sum(bytes_on_disk) AS bytes FROM system.parts "
        "WHERE active AND database = currentDatabase() GROUP BY name ORDER BY bytes DESC, name",
    ),
    Question(
        "coverage",
        "records of the bulk topics that the store has, by partition, and offsets missing between them",
        "SELECT topic, topic_partition, min(topic_offset) AS first_offset, max(topic_offset) AS last_offset, "
        "uniqExact(topic_offset) AS records, last_offset - first_offset + 1 - records AS missing FROM "
        "(SELECT topic, topic_partition, topic_offset FROM cohorts WHERE run_id = '{run}' UNION ALL "
        "SELECT topic, topic_partition, topic_offset FROM generations WHERE run_id = '{run}') "
        "GROUP BY topic, topic_partition ORDER BY topic, topic_partition",
    ),
)
BY_NAME: dict[str, Question] = {question.name: question for question in QUESTIONS}


def latest_run(store: Store) -> str:
    """The id of the run that started last. Raises ConfigurationError when there is none."""
    found = store.query(BY_NAME["runs"].sql + " LIMIT 1").to_pylist()
    if not found:
        raise ConfigurationError("no run in this store so far; name another with --store or --out")
    return str(found[0]["run_id"])


def run_of(store: Store, beginning: str) -> str:
    """The id of the run whose id begins so. Raises ConfigurationError for none or several."""
    known = [str(row["run_id"]) for row in store.query(BY_NAME["runs"].sql).to_pylist()]
    found = [run for run in known if run.startswith(beginning.lower())]
    if len(found) == 1:
        return found[0]
    names = ", ".join(run[:8] for run in (found or known)[:10]) or "none"
    reason = f"begins {len(found)} ids, give more of it" if found else "no such run"
    raise ConfigurationError(f"--run {beginning!r}: {reason}; the store has {names} (`galapagos query runs`)")


def find(name: str) -> Question:
    """The question of that name. Raises ConfigurationError for none."""
    if name not in BY_NAME:
        raise ConfigurationError(f"question {name!r} is not known; use {', '.join(BY_NAME)}")
    return BY_NAME[name]


def ask(store: Store, name: str, run: str, genome: str = "") -> pa.Table:
    """The answer to a question about a run; ``genome`` is an id, or its beginning, where the question needs one.

    Raises ConfigurationError for an unknown question, or an id that is none or nobody's.
    """
    question = find(name)
    for what, text in (("run", run), ("ID", genome)):
        if not set(text) <= _HEX:
            raise ConfigurationError(f"{what} {text!r} is no id; ids are written in 0-9 and a-f")
    if question.of_genome and not genome:
        raise ConfigurationError(f"{name}: the id of a genome is missing; `galapagos query champions` lists some")
    if question.answer:
        return question.answer(store, run, genome)
    return store.query(question.sql.replace("{run}", run))
