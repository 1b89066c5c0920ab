"""Golden runs of the shipped scenarios: renewed with ``make golden`` only, and only with a reason.

A replay uses nothing but sums, products and uniform draws, so its fingerprint holds on every platform. Generated
arrivals go through the platform's exp and log: there the metrics are compared, within a tolerance, and the
fingerprint only on the platform it was made on.
"""

import math

import pytest

import simedge
from simedge.metrics.results import platform_tag

POLICIES = ("camera_only", "centralized", "videoedge_l")
METRICS = (
    "arrived_units",
    "completed_units",
    "throughput_ips_mean",
    "throughput_ips_p99",
    "latency_s_mean",
    "latency_s_p50",
    "latency_s_p99",
    "slo_miss_ratio",
    "uplink_bytes",
    "utilisation.edge",
)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("scenario", ["campus", "campus_24", "traffic"])
def test_replay(scenario, policy, golden):
    run = simedge.run(scenario, f"policy={policy}", seed=0)
    metrics = {name: value for name in METRICS if not math.isnan(value := run.metrics[name])}
    golden.numbers(f"{scenario}-{policy}.json", {**metrics, "fingerprint": run.fingerprint})


@pytest.mark.parametrize("policy", ["distream", "distream_artifact"])
@pytest.mark.parametrize("scenario", ["campus", "traffic"])
def test_replay_with_decisions(scenario, policy, golden):
    """Decisions add up arrays, in an order that numpy chooses by platform: exact there, else within a tolerance."""
    run = simedge.run(scenario, f"policy={policy}", seed=0)
    metrics = {name: value for name in METRICS if not math.isnan(value := run.metrics[name])}
    golden.numbers(f"{scenario}-{policy}.json", metrics, rel=0.05)
    exact = f"{scenario}-{policy}-{platform_tag()}.json"
    if golden.update or (golden.folder / exact).is_file():
        golden.numbers(exact, {"fingerprint": run.fingerprint})


@pytest.mark.parametrize("policy", POLICIES)
def test_generated(policy, golden):
    run = simedge.run("campus_24", f"policy={policy}", "workload=generated", "horizon_s=20", seed=0)
    metrics = {name: value for name in METRICS if not math.isnan(value := run.metrics[name])}
    golden.numbers(f"generated-{policy}.json", metrics, rel=0.02)
    exact = f"generated-{policy}-{platform_tag()}.json"
    if golden.update or (golden.folder / exact).is_file():
        golden.numbers(exact, {"fingerprint": run.fingerprint})


@pytest.mark.parametrize("policy", POLICIES)
def test_in_trouble(policy, golden):
    """A crowded Wi-Fi cell, and everything breaks now and then."""
    run = simedge.run("campus", f"policy={policy}", "network=wifi_trace", "faults=flaky", seed=0)
    names = (*METRICS, *(f"{fate}_units" for fate in ("lost", "missed", "retried", "delayed")))
    metrics = {name: value for name in names if not math.isnan(value := run.metrics[name])}
    golden.numbers(f"trouble-{policy}.json", metrics, rel=0.02)
    exact = f"trouble-{policy}-{platform_tag()}.json"
    if golden.update or (golden.folder / exact).is_file():
        golden.numbers(exact, {"fingerprint": run.fingerprint})
