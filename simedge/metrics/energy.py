"""Energy of a run, where the profiles of its devices and links tell power."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["energy"]


def energy(facts: Mapping[str, Any], completed: int) -> dict[str, float]:
    """Energy of each device, of the uplinks, of all, and for each completed unit, J, over the whole run.

    Parameters
    ----------
    facts : mapping
        ``horizon_s``, s; ``busy_s`` (device -> s); ``bytes`` (camera -> bytes); perhaps ``power_w`` (device -> idle and
        busy power, W) and ``energy_per_bit`` of the uplinks, J.
    completed : int
        Units completed in the whole run.

    Returns
    -------
    dict of str to float
        Metrics by name: none where no profile tells power.

    Notes
    -----
    A device draws its busy power while it executes and its idle power otherwise. The sum needs the power of every
    device, else it is NaN; uplinks whose profile tells no energy add nothing, and the backbone never does. Migrated
    units count on the uplink that they leave by.

    Examples
    --------
    >>> facts = {"horizon_s": 10.0, "busy_s": {"camera_1": 4.0}, "power_w": {"camera_1": (2.0, 7.0)}}
    >>> energy(facts | {"bytes": {"camera_1": 1e6}, "energy_per_bit": 1e-6}, completed=12)
    {'energy_j.camera_1': 40.0, 'energy_j.network': 8.0, 'energy_j': 48.0, 'energy_j_per_unit': 4.0}
    """
    horizon_s, busy_s = float(facts["horizon_s"]), facts["busy_s"]
    power_w: Mapping[str, Sequence[float]] = facts.get("power_w", {})
    per_bit = facts.get("energy_per_bit")
    if not power_w and per_bit is None:
        return {}
    devices_j = {
        name: idle_w * (horizon_s - busy_s[name]) + busy_w * busy_s[name] for name, (idle_w, busy_w) in power_w.items()
    }
    network_j = math.nan if per_bit is None else 8.0 * per_bit * math.fsum(facts["bytes"].values())
    whole_j = math.fsum(devices_j.values()) if set(busy_s) == set(power_w) else math.nan
    whole_j += 0.0 if per_bit is None else network_j
    return {
        **{f"energy_j.{name}": value for name, value in devices_j.items()},
        "energy_j.network": network_j,
        "energy_j": whole_j,
        "energy_j_per_unit": whole_j / completed if completed else math.nan,
    }
