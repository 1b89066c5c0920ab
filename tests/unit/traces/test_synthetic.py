"""The track generator: invariants of every clip, common random numbers, and the balance of moving objects."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simedge.kernel import Streams
from simedge.traces.statistics import autocorrelation, cross_correlation, frame_sizes, per_bin, statistics
from simedge.traces.synthetic import Tracks, clip_factor, entry_rates, generate, visit_rates
from simedge.traces.trace import RoiTrace

CAMPUS = Tracks(
    weights=(0.47, 0.30, 0.15, 0.04, 0.025, 0.015),
    rate_ips=489.0,
    dwell_s=4.5,
    move_probability=0.35,
    camera_sd=0.1,
    camera_tau_s=100.0,
    clip_spread=0.10,
)
MIX = {"car": 0.15, "person": 0.70, "other": 0.15}


def names(count: int) -> tuple[str, ...]:
    return tuple(f"camera_{i + 1}" for i in range(count))


def draw(
    tracks: Tracks = CAMPUS, cameras: int = 6, horizon_s: float = 20.0, seed: int = 0, factor: float = 1.0
) -> RoiTrace:
    return generate(tracks, names(cameras), MIX, horizon_s, Streams(seed).of, factor)


def rows(trace: RoiTrace) -> list[tuple[float, int, int, float]]:
    columns = (trace.arrived_s, trace.camera, trace.path, trace.size_bytes)
    return list(zip(*(column.tolist() for column in columns), strict=True))


# ---------------------------------------------------------------------------------------------- every clip


@given(
    weights=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5),
    groups=st.integers(1, 3),
    load=st.floats(0.5, 28.0),
    dwell_s=st.floats(0.2, 6.0),
    move=st.floats(0.0, 0.9),
    sd=st.sampled_from([0.0, 0.5]),
    group_size=st.floats(1.0, 4.0),
    cap=st.integers(1, 30),
    horizon_s=st.floats(0.05, 6.0),
    seed=st.integers(0, 100),
)
@settings(max_examples=40, deadline=None)
def test_every_clip_is_a_sorted_trace_of_capped_frames(
    weights, groups, load, dwell_s, move, sd, group_size, cap, horizon_s, seed
):
    count = len(weights)
    rate = min(load, cap) * count
    tracks = Tracks(
        tuple(weights), rate, dwell_s, move, sd, 30.0, 0.0, sd, fps=10.0, group_size_mean=group_size, frame_cap=cap
    )
    trace = generate(tracks, names(count * groups), MIX, horizon_s, Streams(seed).of, 1.0)
    assert trace.cameras == names(count * groups)
    assert trace.paths == tuple(MIX)
    assert (np.diff(trace.arrived_s) >= 0).all()
    assert not len(trace) or (trace.arrived_s[0] >= 0 and trace.arrived_s[-1] < horizon_s)
    frame = trace.arrived_s * 10.0 - (trace.camera % count) / count
    np.testing.assert_allclose(frame, np.round(frame), atol=1e-9)
    frames = list(zip(trace.arrived_s.tolist(), trace.camera.tolist(), strict=True))
    assert max(np.unique(frames, axis=0, return_counts=True)[1], default=0) <= cap
    # The rows of a frame stand together: a new frame begins exactly once.
    assert sum(a != b for a, b in pairwise(frames)) == max(0, len(set(frames)) - 1)
    assert (trace.size_bytes == 2500.0).all()


def test_a_full_frame_is_cut_at_the_cap():
    crowded = replace(CAMPUS, weights=(1.0,), rate_ips=449.0)
    assert np.max(frame_sizes(draw(crowded, 1), 20.0, 15.0)) == 30
    assert np.max(frame_sizes(draw(replace(crowded, frame_cap=300), 1), 20.0, 15.0)) > 30


def test_the_cap_drops_regardless_of_class():
    # Twice as many objects as the cap admits: the kept ones must show the mix, wherever they stand in their frame.
    crowded = replace(CAMPUS, weights=(1.0,), rate_ips=150.0, frame_cap=10, camera_sd=0.0)
    trace = draw(crowded, 1, horizon_s=1500.0, factor=2.0)
    starts = np.flatnonzero(np.append(True, np.diff(trace.arrived_s) > 0))
    shares = np.bincount(trace.path, minlength=3) / len(trace)
    firsts = np.bincount(trace.path[starts], minlength=3) / len(starts)
    # ~5000 objects: sd of a share of 0.7 is below 0.01.
    np.testing.assert_allclose(shares, [0.15, 0.70, 0.15], atol=0.03)
    np.testing.assert_allclose(firsts, shares, atol=0.03)


def test_a_frame_is_shuffled_anew():
    # Two frames in a row of a car and a person, mostly the same two: which comes first changes half the time.
    tracks = replace(CAMPUS, weights=(1.0,), rate_ips=30.0, camera_sd=0.0)
    trace = generate(tracks, names(1), {"car": 1.0, "person": 1.0}, 600.0, Streams(0).of, 1.0)
    starts = np.append(np.flatnonzero(np.append(True, np.diff(trace.arrived_s) > 0)), len(trace))
    frames = [tuple(trace.path[a:b].tolist()) for a, b in pairwise(starts.tolist())]
    changed = [one != other for one, other in pairwise(frames) if sorted(one) == sorted(other) == [0, 1]]
    # sd of the share is 0.5 / sqrt(n).
    assert len(changed) > 200
    assert abs(np.mean(changed) - 0.5) < 4 * 0.5 / np.sqrt(len(changed))


# ---------------------------------------------------------------------------------------------- common random numbers


def test_a_seed_gives_the_same_clip_and_another_seed_another():
    assert rows(draw(seed=3)) == rows(draw(seed=3))
    assert rows(draw(seed=3)) != rows(draw(seed=4))


def test_a_group_is_the_same_whatever_groups_stand_beside_it():
    alone, among = draw(cameras=6), draw(cameras=24)
    ours = among.camera < 6
    assert rows(alone) == [row for row, own in zip(rows(among), ours.tolist(), strict=True) if own]
    assert set(among.camera.tolist()) > set(range(6, 24, 6))


def test_groups_are_independent_and_slow_down_by_the_step():
    steady = replace(CAMPUS, camera_sd=0.0, group_rate_step=0.2, group_rate_period=3)
    counts = np.zeros(4)
    for seed in range(5):
        trace = draw(steady, cameras=24, horizon_s=200.0, seed=seed)
        counts += np.bincount(trace.camera // 6, minlength=4)
    # 1000 s of about 489 ROI/s vary by less than 3 % (sd); the step makes 20 %.
    np.testing.assert_allclose(counts / 1000, 489 * np.array([1.0, 0.8, 0.6, 1.0]), rtol=0.09)
    assert counts[0] != counts[3]


def test_the_global_modulation_is_common_to_a_group_only():
    swung = replace(CAMPUS, weights=(1.0, 1.0), rate_ips=300.0, camera_sd=0.0, global_sd=0.8, global_tau_s=10.0)
    series = [per_bin(draw(swung, 4, horizon_s=300.0, seed=seed), 300.0).astype(float) for seed in range(4)]
    within = np.mean([cross_correlation(s[0], s[1], 0) for s in series])
    across = np.mean([cross_correlation(s[0] + s[1], s[2] + s[3], 0) for s in series])
    # 1200 bins, of which about one in 20 is independent: sd of a coefficient 0.13.
    assert within > 0.6
    assert abs(across) < 0.4


def test_a_shorter_clip_is_the_beginning_of_a_longer_one():
    assert rows(draw(horizon_s=7.3)) == rows(draw(horizon_s=30.0).before(7.3))


def test_the_draws_do_not_depend_on_the_order_in_which_streams_are_asked():
    used = {f"{camera}/{purpose}": Streams(0).of(camera, purpose) for camera in names(6) for purpose in ("a", "b")}
    for generator in used.values():
        generator.random(100)
    assert rows(draw()) == rows(generate(CAMPUS, names(6), MIX, 20.0, Streams(0).of, 1.0))
    renamed = generate(CAMPUS, [f"x_{n}" for n in names(6)], MIX, 20.0, Streams(0).of, 1.0)
    assert rows(renamed) != rows(draw())


# ---------------------------------------------------------------------------------------------- rates


@pytest.mark.parametrize(("seed", "factor"), [(0, 0.9), (1, 1.0), (2, 0.95), (3, 1.05), (4, 0.925), (7, 1.075)])
def test_clip_factors_are_the_van_der_corput_sequence(seed, factor):
    assert clip_factor(seed, 0.1) == pytest.approx(factor, abs=1e-12)


def test_clip_factors_are_stratified_and_spread_zero_means_one():
    assert sorted(clip_factor(seed, 0.5) for seed in range(64)) == [0.5 + k / 64 for k in range(64)]
    assert {clip_factor(seed, 0.0) for seed in range(100)} == {1.0}
    with pytest.raises(ValueError, match="seed"):
        clip_factor(-1, 0.1)


def test_two_cameras_by_hand():
    # Weights 1 and 1, p = 1/2, 12 visits/s: of 6 visits/s at each, 3 come from the other, so 3 enter.
    tracks = replace(CAMPUS, weights=(1.0, 1.0), move_probability=0.5, rate_ips=12 * 15 * 0.8 * 4.5)
    np.testing.assert_allclose(entry_rates(tracks), [3.0, 3.0])
    np.testing.assert_allclose(visit_rates(tracks, np.array([3.0, 3.0])), [6.0, 6.0])
    # Three cameras, 6 enter on the left: v1 = 6 + v2/4, v2 = v1/2 + v3/2, v3 = v2/4.
    three = replace(CAMPUS, weights=(1.0, 1.0, 1.0), move_probability=0.5)
    np.testing.assert_allclose(visit_rates(three, np.array([6.0, 0.0, 0.0])), [7.0, 4.0, 1.0])


@given(
    weights=st.lists(st.floats(0.01, 1.0), min_size=1, max_size=8),
    move=st.floats(0.0, 0.95),
)
@settings(max_examples=60, deadline=None)
def test_entries_and_moves_balance(weights, move):
    tracks = replace(CAMPUS, weights=tuple(weights), move_probability=move, rate_ips=30.0)
    entries = entry_rates(tracks)
    visits = visit_rates(tracks, entries)
    assert (entries > 0).all()
    assert visits.sum() == pytest.approx(30.0 / (15 * 0.8 * 4.5))
    # Every visit begins with an entry or a move, and every visit moves on with probability p if there is a neighbour.
    moving = move if len(weights) > 1 else 0.0
    assert entries.sum() == pytest.approx((1 - moving) * visits.sum())


def test_visits_show_the_weights_they_were_made_for():
    # No entry is at its floor of 2 %, so the rates at the cameras are the weights, moves included.
    tracks = replace(CAMPUS, weights=(0.3, 0.4, 0.3), move_probability=0.3)
    entries = entry_rates(tracks)
    np.testing.assert_allclose(visit_rates(tracks, entries) / visit_rates(tracks, entries).sum(), tracks.weights)


def test_objects_really_move_at_the_balanced_rates():
    tracks = replace(CAMPUS, weights=(0.2, 0.5, 0.3), move_probability=0.6, camera_sd=0.0, rate_ips=90.0)
    share = visit_rates(tracks, entry_rates(tracks)) / visit_rates(tracks, entry_rates(tracks)).sum()
    per_clip = np.array(
        [np.bincount(draw(tracks, 3, horizon_s=300.0, seed=seed).camera, minlength=3) / 300 for seed in range(40)]
    )
    mean, error = per_clip.mean(axis=0), per_clip.std(axis=0, ddof=1) / np.sqrt(40)
    assert (np.abs(mean - 90.0 * share) < 4 * error).all(), (mean, 90 * share, error)
    assert (error < 0.04 * mean).all()


def test_only_moves_tie_neighbouring_cameras():
    def later(move: float) -> float:
        tracks = replace(CAMPUS, weights=(0.5, 0.5), rate_ips=100.0, camera_sd=0.0, move_probability=move)
        counts = [per_bin(draw(tracks, 2, horizon_s=600.0, seed=seed), 600.0) for seed in range(6)]
        return float(np.mean([cross_correlation(c[0].astype(float), c[1].astype(float), 9) for c in counts]))

    # 3600 bins, of which about one in 8 is independent: sd of a coefficient 0.05.
    assert abs(later(0.0)) < 0.15
    assert later(0.7) > 0.25


def test_an_object_yields_on_average_dwell_times_fps_times_detection():
    # One camera, nobody moves, certain detection: the ROI rate is Little's law, entries x dwell x fps.
    tracks = replace(CAMPUS, weights=(1.0,), rate_ips=60.0, detection=1.0, camera_sd=0.0)
    rates = np.array([len(draw(tracks, 1, horizon_s=300.0, seed=seed)) / 300 for seed in range(40)])
    assert abs(rates.mean() - 60.0) < 4 * rates.std(ddof=1) / np.sqrt(40)


def test_the_modulations_change_the_load_and_not_its_mean():
    calm = replace(CAMPUS, camera_sd=0.0, rate_ips=200.0)
    wild = replace(calm, camera_sd=0.4, camera_tau_s=20.0, global_sd=0.4, global_tau_s=20.0)

    def totals(tracks: Tracks) -> np.ndarray:
        return np.array([per_bin(draw(tracks, horizon_s=200.0, seed=s), 200.0).sum(axis=0) for s in range(30)])

    quiet, loud = totals(calm), totals(wild)
    assert loud.std() > 1.3 * quiet.std()
    error = loud.mean(axis=1).std(ddof=1) / np.sqrt(30)
    assert abs(loud.mean() - 200.0) < 4 * error


# ---------------------------------------------------------------------------------------------- refusals


NAN, INF = float("nan"), float("inf")
OUT_OF_RANGE = {
    "weights": [(), (1.0, 0.0), (1.0, NAN)],
    "rate_ips": [0.0, INF, 6 * 15 * 30 + 1.0],
    "dwell_s": [0.0, 0.05, 3601.0],
    "move_probability": [1.0, -0.1, NAN],
    "camera_sd": [-1.0, 2.1],
    "camera_tau_s": [0.0],
    "global_sd": [NAN],
    "global_tau_s": [NAN],
    "clip_spread": [1.0],
    "fps": [0.0, 1001.0],
    "detection": [0.0, 1.1],
    "group_size_mean": [0.9],
    "group_spread_s": [-1.0],
    "dwell_log_sd": [3.1],
    "travel_min_s": [-1.0],
    "travel_max_s": [1.0, INF],
    "frame_cap": [0],
    "warmup_s": [-1.0, INF],
    "size_bytes": [-1.0, NAN],
    "group_rate_step": [0.5],
    "group_rate_period": [0],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, values in OUT_OF_RANGE.items() for v in values])
def test_parameters_out_of_range_are_named(field, value):
    with pytest.raises(ValueError, match=f"^{field}: "):
        replace(CAMPUS, **{field: value})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cameras": names(7)}, "multiple of the 6 weights, not 7"),
        ({"cameras": ()}, "multiple of the 6 weights, not 0"),
        ({"cameras": ("a",) * 6}, "stands twice"),
        ({"mix": {}}, "mix"),
        ({"mix": {"car": 0.0}}, "mix"),
        ({"mix": {"car": -1.0, "person": 2.0}}, "mix"),
        ({"mix": {"car": float("nan")}}, "mix"),
        ({"horizon_s": 0.0}, "horizon_s"),
        ({"horizon_s": float("inf")}, "horizon_s"),
        ({"horizon_s": 1e9}, "more than 50000000 ROIs"),
        ({"clip_factor": 0.0}, "clip_factor"),
        ({"clip_factor": float("nan")}, "clip_factor"),
    ],
)
def test_a_clip_that_cannot_be_drawn_is_refused(changed, said):
    given = {"cameras": names(6), "mix": MIX, "horizon_s": 1.0, "rng": Streams(0).of, "clip_factor": 1.0, **changed}
    with pytest.raises(ValueError, match=said):
        generate(CAMPUS, **given)


def test_a_path_without_share_keeps_its_name_and_gets_no_roi():
    trace = generate(CAMPUS, names(6), {"car": 0.0, "person": 3.0, "other": 0.0}, 5.0, Streams(0).of, 1.0)
    assert trace.paths == ("car", "person", "other")
    assert set(trace.path.tolist()) == {1}


# ---------------------------------------------------------------------------------------------- statistics by hand


def test_statistics_of_a_hand_written_trace():
    trace = RoiTrace(
        [0.0, 0.0, 0.5, 1.0, 1.0, 3.5], [0, 0, 1, 0, 1, 1], [0, 1, 0, 0, 0, 0], [1.0] * 6, ("a", "b"), ("p", "q")
    )
    assert per_bin(trace, 4.0).tolist() == [[2, 1, 0, 0], [1, 1, 0, 1]]
    report = statistics(trace, fps=2.0, lags=(1,), pair=("a", "b"), pair_lags=(0,))
    assert report["horizon_s"] == 4.0
    total = report["total"]
    assert (total["mean"], total["p50"]) == (1.5, 1.5)
    assert total["sd"] == pytest.approx(np.sqrt(1.25))
    assert report["cameras"]["a"] == {"mean": 0.75, "sd": pytest.approx(np.sqrt(0.6875)), "zero_share": 0.5}
    assert report["paths"] == {"p": pytest.approx(5 / 6), "q": pytest.approx(1 / 6)}
    # 16 frames: one of 2 ROIs, four of 1.
    assert sorted(frame_sizes(trace, 4.0, 2.0).tolist()) == [0] * 11 + [1] * 4 + [2]
    assert report["frame"] == {
        "mean": 6 / 16,
        "p50": 0.0,
        "p90": 1.0,
        "p99": pytest.approx(1.85),
        "max": 2,
        "empty_share": 11 / 16,
    }
    # Total per bin 3, 2, 0, 1: deviations 1.5, .5, -1.5, -.5; lag 1: .75 - .75 + .75 over 5.
    assert report["autocorrelation"][1] == pytest.approx(0.15)
    # a: 1.25, .25, -.75, -.75 (sum of squares 2.75); b: .25, .25, -.75, .25 (.75).
    assert report["cross_correlation"][0] == pytest.approx((0.3125 + 0.0625 + 0.5625 - 0.1875) / np.sqrt(2.75 * 0.75))


def test_statistics_pool_several_clips():
    clips = [
        RoiTrace([0.5], [0], [0], [1.0], ("a",), ("p",)),
        RoiTrace([0.1, 0.2, 1.0], [0] * 3, [0] * 3, [1.0] * 3, ("a",), ("p",)),
    ]
    report = statistics(clips, 2.0)
    assert (report["clips"], report["rois"]) == (2, 4)
    assert report["cameras"]["a"]["zero_share"] == 0.25
    assert report["total"]["mean"] == 1.0


def test_cameras_of_one_time_are_different_frames():
    trace = RoiTrace([0.0, 0.0], [0, 1], [0, 0], [1.0, 1.0], ("a", "b"), ("p",))
    assert sorted(frame_sizes(trace, 1.0, 1.0).tolist()) == [1, 1]


def test_correlation_of_a_constant_or_short_series_is_not_a_number():
    assert np.isnan(autocorrelation(np.ones(5), 1))
    assert np.isnan(autocorrelation(np.array([1.0, 2.0]), 2))


def test_statistics_refuse_what_does_not_fit():
    trace = draw(horizon_s=2.0)
    with pytest.raises(ValueError, match="camera_7"):
        statistics(trace, pair=("camera_1", "camera_7"))
    with pytest.raises(ValueError, match="different cameras"):
        statistics([trace, draw(cameras=12, horizon_s=2.0)])
    with pytest.raises(ValueError, match="there is none"):
        statistics([])
    with pytest.raises(ValueError, match="no whole bin"):
        per_bin(trace, 2.0, 3.0)
    with pytest.raises(ValueError, match="fps"):
        frame_sizes(trace, 2.0, 1.0)
