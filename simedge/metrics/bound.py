"""What no policy can beat: one pooled FIFO server with perfect knowledge."""

from __future__ import annotations

import math

import numpy as np

from simedge.metrics.schema import FloatArray

__all__ = ["PooledServer"]


class PooledServer:
    """A FIFO server that all units share, with the capacity of all devices together.

    Parameters
    ----------
    rate_ips : float
        Units per second, > 0.

    Notes
    -----
    Every unit takes ``s = 1 / rate_ips``: no placement, no network, no batch that has to fill up or to end. Its mean
    wait and its backlog are therefore below those of any FIFO policy on the same devices. Lindley's recursion for
    constant service, solved for all units at once: unit j (from 0), which arrives at a_j, is done at

        s (j + 1) + max over i <= j of (a_i - i s)

    Examples
    --------
    >>> PooledServer(2.0).latencies_s(np.array([0.0, 0.25, 3.0])).tolist()
    [0.5, 0.75, 0.5]
    """

    def __init__(self, rate_ips: float) -> None:
        if not 0 < rate_ips < math.inf:
            raise ValueError(f"rate_ips: a server needs a finite rate > 0, not {rate_ips}")
        self._service_s = 1.0 / rate_ips
        self._units = 0
        self._latest_s = -math.inf  # the maximum so far

    def latencies_s(self, arrived_s: FloatArray) -> FloatArray:
        """Serve the next units, in the order of their arrival.

        Parameters
        ----------
        arrived_s : (n,) float array
            When they arrive, s, ascending, none before those of earlier calls.

        Returns
        -------
        (n,) float array
            How long each is in the system, s.
        """
        behind_s = np.arange(self._units, self._units + len(arrived_s)) * self._service_s
        start_s = np.maximum.accumulate(np.maximum(arrived_s - behind_s, self._latest_s))
        self._units += len(arrived_s)
        if len(start_s):
            self._latest_s = float(start_s[-1])
        start_s += behind_s
        start_s += self._service_s
        return np.asarray(start_s - arrived_s)
