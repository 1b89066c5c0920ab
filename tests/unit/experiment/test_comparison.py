"""Comparisons worked by hand on made-up runs, and on real ones: who is compared with whom, and what is said of it."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import simedge
from simedge.errors import ConfigError, InputError
from simedge.experiment import catalog, comparison_report
from simedge.experiment.comparison import DEFAULT_METRICS, compare
from simedge.experiment.gather import SavedRun, gather
from simedge.experiment.treatments import choose, lay_out
from simedge.metrics.curves import Curves

SHORT = ("workload=generated", "record=summary", "horizon_s=3")


def made(policy="camera_only", seed=0, latency_s=1.0, *, scenario="campus", curves=None, path="", **more) -> SavedRun:
    """A run with a mean latency; `more` are fields of the policy, other keys (with dots), or facts."""
    fields = {f"policy.{key}": value for key, value in more.get("fields", {}).items()}
    config = {"name": scenario, "policy.name": policy, "seed": seed, **fields, **more.get("config", {})}
    facts = {"scenario": scenario, "policy": policy, "seed": seed, "workload": "generated", "arrivals": f"a{seed}"}
    facts |= {"warmup_s": 0.0, **more.get("facts", {})}
    metrics = {"latency_s_mean": latency_s}
    name = path or "-".join(map(str, config.values()))
    return SavedRun(Path(name), config, facts, metrics, curves, {"simedge": "0.1.0"}, name, "linux")


def family(policy, latencies_s, first=0, **more) -> list[SavedRun]:
    return [made(policy, seed, latency_s, **more) for seed, latency_s in enumerate(latencies_s, first)]


def rows(runs, **how):
    return compare(runs, **{"metrics": ["latency_s_mean"], **how}).rows


# --- numbers and verdicts ----------------------------------------------------------------------------------------


def test_pairs_by_hand():
    runs = [*family("camera_only", [10.0, 11.0, 15.0]), *family("distream", [12.0, 15.0, 21.0])]
    base, row = rows(runs)
    assert (base["treatment"], base["verdict"], base["n"], base["mean"]) == ("camera_only", "baseline", 3, 12.0)
    assert base["low"] == pytest.approx(12 - 4.30265 * math.sqrt(7 / 3), abs=1e-4)
    assert (row["treatment"], row["baseline"], row["metric"], row["unit"]) == (
        "distream",
        "camera_only",
        "latency_s_mean",
        "s",
    )
    assert (row["n"], row["mean"], row["baseline_mean"], row["difference"]) == (3, 16.0, 12.0, 4.0)
    assert (row["difference_low"], row["difference_high"]) == pytest.approx((4 - 4.96828, 4 + 4.96828), abs=1e-4)
    assert row["relative"] == pytest.approx(1 / 3)
    assert row["p"] == row["p_holm"] == pytest.approx(0.0742, abs=1e-4)
    assert (row["verdict"], row["pairing"], row["left_out"], row["steady"]) == (
        "not significant",
        "paired, equal arrivals",
        0,
        None,
    )
    assert math.isnan(base["difference"]) and math.isnan(base["p_holm"])


def test_the_level_decides_what_is_significant():
    runs = [*family("camera_only", [10.0, 11.0, 15.0]), *family("distream", [12.0, 15.0, 21.0])]
    assert rows(runs, level=0.9)[1]["verdict"] == "higher"
    assert rows(runs, level=0.9, baseline="distream")[1]["verdict"] == "lower"


def test_holm_counts_every_comparison_of_a_metric():
    runs = family("camera_only", [1.0, 2.0, 3.0, 5.0])
    for count, policy in enumerate(("centralized", "videoedge_l", "distream"), 1):
        runs += family(policy, [1.5 + count, 2.4 + count, 3.6 + count, 5.5 + count])
    ps = {row["treatment"]: (row["p"], row["p_holm"]) for row in rows(runs)[1:]}
    order = sorted(ps.values())
    assert [p_holm for _, p_holm in order] == pytest.approx([3 * order[0][0], 2 * order[1][0], order[2][0]])
    two_metrics = [replace(run, metrics={**run.metrics, "served_ratio": 1.0}) for run in runs]
    again = rows(two_metrics, metrics=["served_ratio", "latency_s_mean"])
    assert [row["p_holm"] for row in again if row["metric"] == "latency_s_mean"] == pytest.approx(
        [row["p_holm"] for row in rows(runs)], nan_ok=True
    )


def test_what_is_equal_and_what_is_undecided_is_said():
    equal = rows([*family("camera_only", [1.0, 2.0]), *family("distream", [1.0, 2.0])])[1]
    assert (equal["verdict"], equal["p"], equal["difference_low"], equal["difference_high"]) == ("equal", 1.0, 0.0, 0.0)
    alone = rows([made("camera_only"), made("distream", latency_s=0.5)])[1]
    assert (alone["verdict"], alone["difference"], alone["n"]) == ("undecided", -0.5, 1)
    assert math.isnan(alone["difference_low"]) and math.isnan(alone["p_holm"])
    shifted = rows([*family("camera_only", [1.0, 2.0]), *family("distream", [0.5, 1.5])])[1]
    assert (shifted["verdict"], shifted["p"]) == ("lower", 0.0)


def test_seeds_without_partner_are_left_out_and_counted():
    runs = [*family("camera_only", [1.0, 2.0, 4.0, 90.0]), *family("distream", [2.5, 3.0], first=1)]
    row = rows(runs)[1]
    assert (row["n"], row["mean"], row["baseline_mean"], row["left_out"]) == (2, 2.75, 3.0, 2)
    assert compare(runs, metrics=["latency_s_mean"]).notes == (
        "2 runs enter no difference: no partner of equal seed, or metric undefined",
    )


def test_undefined_metrics_take_their_pair_with_them():
    runs = [*family("camera_only", [1.0, math.nan, 3.0, 4.0]), *family("distream", [2.0, 2.0, 5.0, math.nan])]
    base, row = rows(runs)
    assert (row["n"], row["difference"], row["left_out"]) == (2, 1.5, 4)
    assert (base["n"], base["left_out"]) == (3, 1)


def test_disjoint_seeds_are_compared_unpaired():
    runs = [*family("camera_only", [1.0, 2.0, 3.0]), *family("distream", [4.0, 5.0, 6.0, 9.0], first=10)]
    row = rows(runs)[1]
    assert (row["pairing"], row["n"], row["baseline_n"], row["difference"]) == ("unpaired", 4, 3, 4.0)
    # Variances 14/3 and 1: error² = 14/12 + 1/3 = 1.5; degrees of freedom 1.5² / ((14/12)²/3 + (1/3)²/2) = 243/55
    assert row["p"] == pytest.approx(2 * stats.t.sf(4 / math.sqrt(1.5), 243 / 55), rel=1e-9)
    assert row["difference_low"] == pytest.approx(4 - stats.t.ppf(0.975, 243 / 55) * math.sqrt(1.5), rel=1e-9)
    assert row["verdict"] == "higher"


def test_pairing_says_whether_arrivals_were_equal():
    runs = [*family("camera_only", [1.0, 2.0]), *family("distream", [1.5, 2.6])]
    assert rows(runs)[1]["pairing"] == "paired, equal arrivals"
    other = [*runs[:3], replace(runs[3], facts={**runs[3].facts, "arrivals": "other"})]
    assert rows(other)[1]["pairing"] == "paired by seed, arrivals differ"
    unknown = [*runs[:3], replace(runs[3], facts={k: v for k, v in runs[3].facts.items() if k != "arrivals"})]
    assert rows(unknown)[1]["pairing"] == "paired by seed"


# --- treatments, cells, baselines --------------------------------------------------------------------------------


def test_policies_are_named_after_those_of_their_own_fields_that_differ():
    runs = [
        *family("camera_only", [1.0, 2.0]),
        *family("distream", [3.0, 4.0], fields={"beta": 1.0, "gamma_s": 0.5}),
        *family("distream", [5.0, 6.0], fields={"beta": 0.1, "gamma_s": 0.5}),
        *family("videoedge_l", [5.0, 7.0], fields={"partition_point": None}),
    ]
    layout = lay_out(runs)
    assert list(layout.labels) == ["camera_only", "distream, beta=0.1", "distream, beta=1", "videoedge_l"]
    assert layout.keys == ()
    assert [row["difference"] for row in rows(runs)[1:]] == [4.0, 2.0, 4.5]


def test_a_policy_with_nested_fields_and_quantities():
    runs = [
        made("distream", fields={"gamma_s": 0.1, "predictor.name": "ewma"}),
        made("distream", fields={"gamma_s": 0.5, "predictor.name": "none"}),
    ]
    assert list(lay_out(runs).labels) == [
        "distream, gamma_s=100 ms, predictor.name=ewma",
        "distream, gamma_s=500 ms, predictor.name=none",
    ]


def test_different_values_are_never_written_alike():
    runs = [made("distream", fields={"gamma_s": value}) for value in (0.1, 0.10001)]
    assert list(lay_out(runs).labels) == ["distream, gamma_s=0.1", "distream, gamma_s=0.10001"]


def test_runs_are_compared_within_cells_only():
    runs = []
    for uplink_bps, shift in ((5e7, 1.0), (1e7, 2.0)):
        config = {"network.uplink_bps": uplink_bps}
        runs += family("camera_only", [1.0, 2.0], config=config)
        runs += family("distream", [1.0 + shift, 2.1 + shift], config=config)
    found = rows(runs)
    assert [(row["network.uplink_bps"], row["treatment"]) for row in found] == [
        (1e7, "camera_only"),
        (1e7, "distream"),
        (5e7, "camera_only"),
        (5e7, "distream"),
    ]
    assert [found[1]["difference"], found[3]["difference"]] == pytest.approx([2.05, 1.05])
    turned = rows(runs, by="network.uplink_bps", baseline="50Mbps")
    assert [(row["policy"], row["treatment"], row["baseline"]) for row in turned] == [
        ("camera_only", "50 Mbps", "50 Mbps"),
        ("camera_only", "10 Mbps", "50 Mbps"),
        ("distream", "50 Mbps", "50 Mbps"),
        ("distream", "10 Mbps", "50 Mbps"),
    ]
    assert [turned[1]["difference"], turned[3]["difference"]] == pytest.approx([0.0, 1.0])


def test_what_differs_between_scenarios_only_makes_no_column():
    runs = [
        run
        for scenario, rate in (("campus", 489.0), ("traffic", 300.0))
        for policy in ("camera_only", "distream")
        for run in family(policy, [1.0, 2.5], scenario=scenario, config={"workload.tracks.rate_ips": rate})
    ]
    layout = lay_out(runs)
    assert (layout.keys, list(layout.cells)) == (("scenario",), [("campus",), ("traffic",)])


def test_the_order_of_files_does_not_matter():
    runs = [
        *family("camera_only", [1.0, 2.0, 4.0]),
        *family("distream", [1.1, 2.3, 4.2]),
        *family("videoedge_l", [1.0, 3.0, 4.0]),
    ]
    forward, backward = rows(runs), rows(runs[::-1])
    assert sorted(map(str, forward)) == sorted(map(str, backward))


def test_baselines_may_be_named_in_many_ways():
    runs = [
        made("videoedge_l"),
        made("distream", fields={"gamma_s": 0.1}),
        made("distream", fields={"gamma_s": 1.5}),
        made("camera_only"),
    ]
    layout = lay_out(runs)
    assert choose(layout) == "camera_only"
    assert choose(lay_out(runs[:3])) == "videoedge_l"
    assert choose(layout, "videoedge_l") == "videoedge_l"
    assert choose(layout, "distream,gamma_s=100ms") == "distream, gamma_s=100 ms"
    by = lay_out(runs[1:3], "policy.gamma_s")
    assert [choose(by, said) for said in (None, "1.5", "1500ms", "1.5 s", "100 ms")] == [
        "100 ms", "1.5 s", "1.5 s", "1.5 s", "100 ms",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "distraem",
            "baseline: there is no treatment 'distraem'; choose one of: "
            "camera_only; distream, beta=0.1; distream, beta=1",
        ),
        ("distream", "baseline: 'distream' is 2 treatments; choose one of: distream, beta=0.1; distream, beta=1"),
    ],
)
def test_an_unknown_baseline_is_one_line_that_names_the_treatments(said, message):
    runs = [made(), made("distream", fields={"beta": 0.1}), made("distream", fields={"beta": 1.0})]
    with pytest.raises(ConfigError) as caught:
        rows(runs, baseline=said)
    assert str(caught.value) == message


def test_the_same_result_counts_once_and_another_one_is_refused():
    runs = [*family("camera_only", [1.0, 2.0]), *family("distream", [3.0, 5.0])]
    copies = [replace(run, path=Path("copies") / run.path) for run in runs]
    assert str(rows([*runs, *copies])) == str(rows(runs))
    other = replace(runs[2], path=Path("other.json"), run_hash="other")
    with pytest.raises(InputError) as caught:
        rows([*runs, other])
    assert str(caught.value) == (
        f"other.json: is another run of distream, seed 0, than {runs[2].path}; leave one of them out, or choose runs "
        "with key=value"
    )


def test_cells_without_baseline_are_counted():
    runs = [
        *family("camera_only", [1.0, 2.0], config={"slo_s": 1.0}),
        *family("distream", [1.0, 3.0], config={"slo_s": 1.0}),
    ]
    runs += family("distream", [1.0, 3.0], config={"slo_s": 2.0})
    found = compare(runs, metrics=["latency_s_mean"])
    assert [row["slo_s"] for row in found.rows] == [1.0, 1.0]
    assert found.notes == ("nothing is compared in 1 of 2 cells, where there is no run of camera_only",)


# --- what cannot be compared -------------------------------------------------------------------------------------

PAIR = [*family("camera_only", [1.0, 2.0]), *family("distream", [3.0, 5.0])]


@pytest.mark.parametrize(
    ("runs", "how", "message"),
    [
        ([], {}, "there is no run to compare; give folders of saved runs"),
        (PAIR[:2], {}, "all runs have one policy, camera_only; give runs that differ in more than the seed"),
        (PAIR, {"by": "polcy"}, "polcy: no run has such a key; did you mean 'policy' or 'policy.name'?"),
        (PAIR, {"by": "seed"}, "seed: seeds are what a comparison averages over; name another key"),
        (PAIR, {"by": "scenario"}, "by: scenarios differ in many keys; name the key whose values are to be compared"),
        (PAIR, {"metrics": ["latency_p99"]}, "there is no metric 'latency_p99'; did you mean 'latency_s_p99'"),
        (PAIR, {"metrics": ["latency_s_p99"]}, "no run has the metric 'latency_s_p99'; name one that the runs have"),
        (PAIR, {"metrics": []}, "metric: no metric is named; name one that `simedge list metrics` shows"),
        (PAIR, {"level": 95}, "level: lies between 0 and 1, not at 95; write 0.95 for 95 %"),
        (PAIR, {"level": math.nan}, "level: lies between 0 and 1, not at nan; write 0.95 for 95 %"),
        (PAIR, {"warmup": -1}, "warmup: -1 is no time; give seconds, at least 0, or mser5"),
        (PAIR, {"warmup": "mser"}, "warmup: 'mser' is no time; give seconds, at least 0, or mser5"),
        (PAIR, {"warmup": math.inf}, "warmup: inf is no time; give seconds, at least 0, or mser5"),
        (PAIR, {"batches": 1}, "batches: 1 is no number of batches; give a whole number, at least 2"),
        (PAIR, {"batches": 2.5}, "batches: 2.5 is no number of batches; give a whole number, at least 2"),
        (PAIR, {"batches": 2}, f"{PAIR[0].path}: keeps no curves; run it again, or compare"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_line(runs, how, message):
    with pytest.raises(InputError) as caught:
        rows(runs, **how)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_runs_that_differ_in_something_else_too_are_not_compared():
    runs = [
        *family("camera_only", [1.0, 2.0], config={"slo_s": 1.0}),
        *family("distream", [3.0, 5.0], config={"slo_s": 2.0}),
    ]
    with pytest.raises(InputError) as caught:
        rows(runs)
    assert str(caught.value) == (
        "no run can be compared with camera_only: the others differ also in slo_s; compare by another key, or run what "
        "is missing"
    )
    with pytest.raises(InputError, match="all runs have one policy, distream; compare by one of slo_s"):
        rows([*family("distream", [1.0], config={"slo_s": 1.0}), *family("distream", [1.0], config={"slo_s": 2.0})])


# --- notes -------------------------------------------------------------------------------------------------------


def test_recorded_arrivals_versions_and_platforms_are_noted():
    runs = [replace(run, facts={**run.facts, "workload": "recorded", "arrivals": "clip"}) for run in PAIR]
    runs[0] = replace(runs[0], versions={"simedge": "0.0.9"}, platform="macosx")
    notes = compare(runs, metrics=["latency_s_mean"]).notes
    assert [note[:40] for note in notes] == [
        "the arrivals are recorded, the same for ",
        "the runs come from different versions of",
        "the runs come from different platforms: ",
    ]
    assert notes[1].endswith("versions of simedge: 0.0.9, 0.1.0") and notes[2].endswith("linux, macosx")
    assert compare(PAIR, metrics=["latency_s_mean"]).notes == ()


def test_seeds_that_share_the_draws_of_cuts_are_noted():
    runs = [run for cut_seed in (7, 8) for run in family("distream", [1.0, 2.5], config={"cut_seed": cut_seed})]
    (note,) = compare(runs, by="cut_seed", metrics=["latency_s_mean"]).notes
    assert note.startswith("seeds share one cut_seed")
    own = [
        made(policy, seed, config={"cut_seed": 7 + seed}) for policy in ("camera_only", "distream") for seed in (0, 1)
    ]
    with pytest.raises(InputError, match="all runs have one policy, camera_only; compare by one of cut_seed"):
        rows(own[:2])
    assert rows(own)[1]["n"] == 1  # each has a cell of its own


def test_runs_without_the_key_are_left_out_and_counted():
    runs = [run for beta in (0.1, 1.0) for run in family("distream", [1.0, 2.0], fields={"beta": beta})]
    found = compare([*runs, made()], by="policy.beta", metrics=["latency_s_mean"])
    assert found.notes == ("1 runs have no policy.beta and are left out",)
    assert [row["treatment"] for row in found.rows] == ["0.1", "1"]


# --- warm-up and batches -----------------------------------------------------------------------------------------


def curved(policy, seed, latency_s, *, arrivals=None, served=1.0, own_warmup_s=0.0) -> SavedRun:
    """A run of 100 arrivals per second with given mean latencies second by second."""
    latency_s = np.asarray(latency_s, float)
    units = np.full(len(latency_s), 100.0)
    known = Curves(1.0, units, served * units, 0 * units, served * units * latency_s, served * units, np.empty(0))
    facts = {"arrivals": arrivals or f"a{seed}", "warmup_s": own_warmup_s}
    return made(policy, seed, float(latency_s.mean()), curves=known, facts=facts)


def noise(*seed: int, n: int = 200) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).standard_normal(n)


def test_a_fixed_warm_up_is_cut_from_every_run():
    series = {
        ("camera_only", 0): [9, 1, 3],
        ("camera_only", 1): [9, 2, 2],
        ("distream", 0): [0, 2, 4],
        ("distream", 1): [0, 3, 5],
    }
    runs = [curved(*name, values) for name, values in series.items()]
    base, row = rows(runs, warmup=1)
    assert (base["mean"], row["mean"], row["difference"], row["warmup_s"]) == (2.0, 3.5, 1.5, 1.0)
    assert rows(runs, warmup=0.2)[1]["warmup_s"] == 1.0  # whole bins
    assert rows(runs, warmup=0)[1]["difference"] == pytest.approx(rows(runs)[1]["difference"])
    with pytest.raises(
        InputError, match=r"after a warm-up of 3 s there are 0 bins of 1 s left; set a shorter warm-up$"
    ):
        rows(runs, warmup=3)


def test_the_largest_cut_of_a_cell_is_used_for_all_its_runs():
    steps = {("camera_only", 0): 5, ("camera_only", 1): 20, ("distream", 0): 0, ("distream", 1): 10}
    runs = [curved(*name, np.r_[np.full(cut, 50.0), np.ones(100 - cut)]) for name, cut in steps.items()]
    found = rows(runs, warmup="mser5")
    assert {(row["warmup_s"], row["steady"]) for row in found} == {(20.0, True)}
    assert [row["mean"] for row in found] == [1.0, 1.0]


def test_mser5_does_not_pretend_where_there_is_no_steady_state():
    growing = [curved("camera_only", seed, np.arange(100.0)) for seed in (0, 1)]
    drowned = [curved("distream", seed, np.ones(100) + 0.01 * seed, served=0.4) for seed in (0, 1)]
    found = compare([*growing, *drowned], metrics=["latency_s_mean"], warmup="mser5")
    assert [(row["steady"], row["warmup_s"]) for row in found.rows] == [(False, 50.0), (False, 50.0)]
    assert found.notes == (
        "no steady state found in camera_only (latency_s_mean); distream (latency_s_mean): the values depend on how "
        "long the runs are",
    )


def test_batches_of_one_long_run_are_paired_with_one_another():
    shared = noise(1)
    runs = [curved("camera_only", 0, 5 + shared), curved("distream", 0, 4.9 + shared + 0.1 * noise(2))]
    base, row = rows(runs, batches=10)
    one, other = (run.curves.latency_sum_s.reshape(10, 20).sum(axis=1) / 2000 for run in runs)
    assert (base["n"], row["n"], row["steady"]) == (10, 10, True)
    assert row["difference"] == pytest.approx(float(np.mean(other - one)))
    half = 2.262157 * float(np.std(other - one, ddof=1)) / math.sqrt(10)
    assert (row["difference_high"] - row["difference_low"]) / 2 == pytest.approx(half, rel=1e-5)
    assert row["verdict"] == "lower"
    cut = rows(runs, batches=10, warmup=100)[1]
    assert (cut["n"], cut["warmup_s"]) == (10, 100.0)
    own = [replace(run, facts={**run.facts, "warmup_s": 100.0}) for run in runs]
    assert str(rows(own, batches=10)[1]) == str(cut)  # without another one the run's own warm-up holds
    with pytest.raises(InputError, match=r"after a warm-up of 195 s there are 5 bins of 1 s left; .* or fewer batches"):
        rows(runs, batches=10, warmup=195)


def test_batches_without_steady_state_decide_nothing():
    runs = [curved("camera_only", 0, np.arange(200.0)), curved("distream", 0, 1 + 0.01 * noise(3))]
    found = compare(runs, metrics=["latency_s_mean"], batches=10)
    base, row = found.rows
    assert (row["verdict"], row["steady"], base["steady"]) == ("undecided", False, False)
    assert all(math.isnan(value) for value in (row["p"], row["difference_low"], base["low"]))
    assert math.isfinite(row["difference"]) and math.isfinite(row["low"])
    assert found.notes == ("no steady state found in camera_only (latency_s_mean): no interval is given",)


def test_batches_of_the_same_arrivals_count_once_whatever_the_seeds():
    one, other = noise(4), 0.2 * noise(5)
    runs = [curved("camera_only", seed, 5 + one, arrivals="clip") for seed in range(6)]
    runs += [curved("distream", seed, 5 + one + other, arrivals="clip") for seed in range(6)]
    single = rows([runs[0], runs[6]], batches=10)[1]
    every = rows(runs, batches=10)[1]
    assert every["n"] == 10
    assert (every["difference"], every["p"]) == pytest.approx((single["difference"], single["p"]))


def test_batches_of_several_seeds_are_taken_together_with_a_note():
    runs = [curved("camera_only", seed, 5 + noise(6, seed)) for seed in range(3)]
    runs += [curved("distream", seed, 5 + noise(7, seed)) for seed in range(3)]
    found = compare(runs, metrics=["latency_s_mean"], batches=5)
    assert [row["n"] for row in found.rows] == [15, 15]
    assert found.notes[-1].startswith("batches of several seeds are taken together")


def test_batches_that_follow_one_another_are_noted():
    drift = np.repeat([1.0, -1.0, 1.0, -1.0], 50)  # in 40 batches: ten in a row alike
    runs = [curved("camera_only", 0, 5 + 0.1 * noise(8)), curved("distream", 0, 5 + drift + 0.1 * noise(9))]
    notes = compare(runs, metrics=["latency_s_mean"], batches=40).notes
    assert "neighbouring batches are correlated in distream (latency_s_mean): take fewer batches" in notes
    runs = [curved("camera_only", 0, 5 + noise(10)), curved("distream", 0, 5 + noise(11))]
    assert not any("correlated" in note for note in compare(runs, metrics=["latency_s_mean"], batches=40).notes)


def test_only_what_curves_know_can_be_computed_again():
    runs = [curved("camera_only", 0, np.ones(50)), curved("distream", 0, np.ones(50))]
    assert {row["metric"] for row in compare(runs, warmup=5).rows} == set(DEFAULT_METRICS) - {"latency_s_p99"}
    with pytest.raises(ConfigError, match="latency_s_p99 cannot be computed again"):
        compare(runs, metrics=["latency_s_p99"], warmup=5)


# --- real runs ---------------------------------------------------------------------------------------------------


def test_every_policy_meets_the_same_arrivals_and_every_seed_other_ones():
    """Common random numbers: arrivals come from the seed alone, whatever the policy draws or decides."""
    columns, digests = {}, {}
    for policy in catalog.names("policy", "video"):
        for seed in (0, 1):
            run = simedge.run("campus", "workload=generated", "horizon_s=2", f"policy={policy}", seed=seed)
            names = ["camera", "path", "arrived_s", "size_bytes"]
            columns[policy, seed] = run.rois[names].to_csv(index=False, float_format="%.17g")
            digests[policy, seed] = run.facts["arrivals"]
    for seed in (0, 1):
        assert len({text for (_, one), text in columns.items() if one == seed}) == 1
        assert len({text for (_, one), text in digests.items() if one == seed}) == 1
    policy = "distream"
    assert columns[policy, 0] != columns[policy, 1] and digests[policy, 0] != digests[policy, 1]
    assert len(columns) == 2 * len(catalog.names("policy", "video")) >= 22


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    for policy in ("centralized", "camera_only"):
        for seed in range(3):
            simedge.run("campus", *SHORT, f"policy={policy}", seed=seed).save(place / f"{policy}-{seed}.json")
    return place


def test_saved_runs_are_compared_as_they_were_summarised(folder):
    found = compare(gather(folder))
    assert {row["metric"] for row in found.rows} == set(DEFAULT_METRICS)
    row = next(row for row in found.rows if (row["treatment"], row["metric"]) == ("centralized", "throughput_ips_mean"))
    known = {
        policy: [
            simedge.run("campus", *SHORT, f"policy={policy}", seed=seed).metrics["throughput_ips_mean"]
            for seed in range(3)
        ]
        for policy in ("centralized", "camera_only")
    }
    assert row["difference"] == pytest.approx(np.mean(known["centralized"]) - np.mean(known["camera_only"]))
    assert (row["pairing"], row["workload"]) == ("paired, equal arrivals", "generated")
    assert list(found.frame.columns) == list(found.rows[0]) and len(found.frame) == 10
    assert found._repr_html_().count("<tr") == 11


def test_text_json_and_csv_say_the_same(folder):
    found = compare(gather(folder), metrics=["latency_s_mean", "served_ratio"])
    said = json.loads(comparison_report.as_json(found))
    assert [row["treatment"] for row in said] == ["camera_only", "centralized"] * 2
    assert said[0]["difference"] is None and said[1]["difference"] == found.rows[1]["difference"]
    lines = comparison_report.as_csv(found).splitlines()
    assert lines[0].split(",") == list(found.rows[0]) and len(lines) == 5
    assert [title for title, _ in comparison_report.tables(found)] == ["latency_s_mean [s]", "served_ratio [1]"]


def test_sentences_say_what_was_found_with_unit_sign_and_interval():
    runs = [*family("camera_only", [10.0, 11.0, 15.0, 12.0]), *family("distream", [2.0, 2.5, 7.25, 4.25])]
    runs += family("videoedge_l", [10.0, 12.0, 14.0, 13.0])
    assert comparison_report.sentences(compare(runs, metrics=["latency_s_mean"])) == [
        "distream - camera_only: latency_s_mean -8 s [-8.56, -7.44 s], 4 pairs, lower",
        "not significant: 1",
    ]
