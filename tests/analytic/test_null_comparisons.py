"""Where nothing differs, a comparison at 95 % finds something in 5 % of cases: 200 comparisons of real runs, twice."""

import copy
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import simedge
from simedge.experiment.comparison import compare
from simedge.experiment.gather import SavedRun
from simedge.metrics.results import Results

METRICS = ("throughput_ips_mean", "latency_s_mean", "latency_s_p99")
COMPARISONS, SEEDS = 200, 10
OTHER_DRAWS = 1_000_000  # the seed of the re-seeded cut draws is this plus the run's, used by no other run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def simulated(seeds: range, *, other_draws: bool) -> list[Results]:
    scenario = simedge.load("campus", "policy=videoedge_l", "workload=generated", "record=summary", "horizon_s=20")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        made = []
        for seed in seeds:
            own = copy.deepcopy(scenario)  # the pool sends it off some time later
            # Every run has draws of its own: were they those of other runs too, pairs would not be independent.
            own["cut_seed"] = OTHER_DRAWS + seed if other_draws else None
            made.append(pool.submit(own.run, seed=seed))
        runs = [one.result() for one in made]
    assert [run.seed for run in runs] == list(seeds)
    assert [run.config["cut_seed"] for run in runs] == [OTHER_DRAWS + seed if other_draws else None for seed in seeds]
    return runs


def arm(name: str, run: Results) -> SavedRun:
    """A run as if an arm of an experiment were a key of its configuration, and nothing else differed."""
    facts = {key: run.facts[key] for key in ("scenario", "policy", "seed", "workload", "arrivals", "warmup_s")}
    metrics = {metric: run.metrics[metric] for metric in METRICS}
    return SavedRun(Path(name), {"arm": name}, facts, metrics, None, run.versions, f"{name}-{run.seed}")


def found(comparisons: list[list[SavedRun]], pairing: str) -> dict[str, float]:
    """Share of comparisons that find a difference, by metric."""
    made = [compare(runs, by="arm", metrics=METRICS) for runs in comparisons]
    rows = [row for one in made for row in one.rows if row["verdict"] != "baseline"]
    assert len(rows) == COMPARISONS * len(METRICS)
    assert {(row["pairing"], row["n"], row["baseline_n"], row["left_out"]) for row in rows} == {
        (pairing, SEEDS, SEEDS, 0)
    }
    verdicts = {name: [row["verdict"] for row in rows if row["metric"] == name] for name in METRICS}
    return {name: sum(one in {"higher", "lower"} for one in said) / COMPARISONS for name, said in verdicts.items()}


@pytest.fixture(scope="module")
def runs() -> list[Results]:
    return simulated(range(2 * SEEDS * COMPARISONS), other_draws=False)


def test_one_policy_on_disjoint_seeds(runs: list[Results]) -> None:
    comparisons = []
    for begin in range(0, len(runs), 2 * SEEDS):
        one, other = runs[begin : begin + SEEDS], runs[begin + SEEDS : begin + 2 * SEEDS]
        comparisons.append([*(arm("one", run) for run in one), *(arm("other", run) for run in other)])
    rates = found(comparisons, "unpaired")
    print("unpaired", rates)
    assert all(0.02 <= rate <= 0.09 for rate in rates.values()), rates


def test_the_same_arrivals_cut_by_other_draws(runs: list[Results]) -> None:
    others = simulated(range(SEEDS * COMPARISONS), other_draws=True)
    assert all(one.facts["arrivals"] == other.facts["arrivals"] for one, other in zip(runs, others, strict=False))
    assert all(one.fingerprint != other.fingerprint for one, other in zip(runs, others, strict=False))
    comparisons = []
    for begin in range(0, len(others), SEEDS):
        one, other = runs[begin : begin + SEEDS], others[begin : begin + SEEDS]
        comparisons.append([*(arm("one", run) for run in one), *(arm("other", run) for run in other)])
    rates = found(comparisons, "paired, equal arrivals")
    print("paired", rates)
    assert all(0.02 <= rate <= 0.09 for rate in rates.values()), rates
