"""A medium that its stations share: Wi-Fi, or anything else on which everyone hears everyone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from simedge.hardware.transfer import Sender
from simedge.kernel import Environment
from simedge.traces.schedule import Schedule

__all__ = ["SharedLink", "Sharing", "Station", "fair_shares"]

Sharing = Literal["max_min", "airtime"]


def fair_shares(capacity: float, caps: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Divide a capacity max-min fairly: nobody can get more without taking from one who has less for its weight.

    Parameters
    ----------
    capacity : float
        What there is to divide, >= 0.
    caps : sequence of float
        The most that each can use, >= 0; infinite for no limit.
    weights : sequence of float
        What each is worth, > 0.

    Returns
    -------
    list of float
        ``min(cap, level * weight)`` for one level of all, at which the capacity is used up or nobody wants more.

    Notes
    -----
    Progressive filling (Bertsekas and Gallager, Data Networks, 1992, §6.5.2), in one pass over the order in which
    caps are reached.

    Examples
    --------
    >>> fair_shares(10.0, [1.0, math.inf, math.inf], [1.0, 1.0, 2.0])
    [1.0, 3.0, 6.0]
    """
    shares = [0.0] * len(caps)
    left, weight = capacity, math.fsum(weights)
    for one in sorted(range(len(caps)), key=lambda one: caps[one] / weights[one]):
        share = min(caps[one], left * weights[one] / weight if weight > weights[one] else left)
        shares[one] = share
        left = max(0.0, left - share)
        weight -= weights[one]
    return shares


class SharedLink:
    """A medium on which all stations that have something to send share what it carries.

    Parameters
    ----------
    env : Environment
        The clock.
    name : str
        Such as ``wifi``.
    rate : float or Schedule
        What one station alone would get at an efficiency of 1, bit/s.
    efficiency : sequence of float
        Share of the rate that n = 1, 2, … active stations get together, in (0, 1]; the last holds for all above.
    sharing : {"max_min", "airtime"}
        *max_min*: stations get equal bits per weight, up to their caps, and what one cannot use goes to the others.
        *airtime*: the same for time on the medium, which each fills at its own rate.

    Notes
    -----
    Between two instants at which a station begins or ends to send, or a rate or a cap changes, everybody's rate is
    constant; it is solved anew at those instants only. Both directions of a half-duplex medium are stations of one
    `SharedLink`; those of a full-duplex one, of two.
    """

    def __init__(
        self,
        env: Environment,
        name: str,
        rate: float | Schedule,
        efficiency: Sequence[float] = (1.0,),
        sharing: Sharing = "max_min",
    ) -> None:
        if not efficiency or not all(0.0 < share <= 1.0 for share in efficiency):
            raise ValueError(f"{name}: an efficiency lies in (0, 1], not {list(efficiency)}")
        self.name, self.sharing = name, sharing
        self.stations: dict[str, Station] = {}
        self.solved = 0
        self._env = env
        self._rate = _schedule(name, rate)
        self._efficiency = tuple(efficiency)
        self._active: dict[Station, None] = {}
        self._alarm = env.alarm(self._tick)
        self._change_s = 0.0  # when a rate or a cap changes next
        self._deferred = False

    def station(
        self,
        name: str,
        *,
        call_s: float = 0.0,
        cap: float | Schedule = math.inf,
        weight: float = 1.0,
        alone: float | Schedule | None = None,
    ) -> Station:
        """Make a sender that uses this medium.

        Parameters
        ----------
        name : str
            Such as ``camera_1->switch``.
        call_s : float
            Fixed cost at the beginning of every message, s; the medium is free meanwhile.
        cap : float or Schedule
            The most that it can send, bit/s.
        weight : float
            What it is worth when shares are divided, > 0.
        alone : float or Schedule, optional
            What it would get with the medium to itself, bit/s, where airtime is shared; by default the medium's rate.
        """
        if not 0.0 < weight < math.inf:
            raise ValueError(f"{name}: a weight is finite and > 0, not {weight}")
        made = Station(self, self._env, name, call_s, cap, weight, alone)
        self.stations[name] = made
        return made

    def rates_bps(self) -> dict[str, float]:
        """Rate of each station that is sending now, bit/s."""
        return {station.name: station._rate_bps for station in self._active}

    def _join(self, station: Station) -> None:
        self._active[station] = None
        self._change_s = -math.inf
        if not self._deferred:
            self._solve()

    def _leave(self, station: Station) -> None:
        self._active.pop(station, None)
        if not self._deferred:
            self._solve()

    def _tick(self) -> None:
        """Whose message ends now leaves; then rates are solved once for all that happened at this instant."""
        now = self._env._now
        ended = [station for station in self._active if station._ends_s <= now]
        for station in ended:
            del self._active[station]
        self._deferred = True
        for station in ended:  # unless what an earlier one did has stopped it
            if station._transmitting and station not in self._active:
                station._arrived()
        self._deferred = False
        self._solve()

    def _solve(self) -> None:
        """Find everybody's rate, and wake up when it next changes."""
        active = list(self._active)
        if not active:
            self._alarm.cancel()
            return
        self.solved += 1
        now = self._env._now
        efficiency = self._efficiency[min(len(active), len(self._efficiency)) - 1]
        medium_bps = self._rate.rate(now)
        caps = [station._cap_at(now) for station in active]
        weights = [station.weight for station in active]
        if self.sharing == "max_min":
            rates = fair_shares(medium_bps * efficiency, caps, weights)
        else:
            alone = [medium_bps if one._alone is None else one._alone.rate(now) for one in active]
            limits = [cap / bps if bps > 0.0 else 0.0 for cap, bps in zip(caps, alone, strict=True)]
            shares = fair_shares(efficiency, limits, weights)
            rates = [share * bps for share, bps in zip(shares, alone, strict=True)]
        next_s = math.inf
        for station, rate in zip(active, rates, strict=True):
            station._run_at(rate, now)
            next_s = min(next_s, station._ends_s)
        if now >= self._change_s:
            schedules = [
                self._rate,
                *(found for one in active for found in (one._cap, one._alone) if found is not None),
            ]
            self._change_s = min(schedule.next_change_s(now) for schedule in schedules)
        next_s = min(next_s, self._change_s)
        if next_s < math.inf:
            self._alarm.set(next_s)
        else:
            self._alarm.cancel()


class Station(Sender):
    """One sender on a shared medium; see :meth:`SharedLink.station`."""

    def __init__(
        self,
        medium: SharedLink,
        env: Environment,
        name: str,
        call_s: float,
        cap: float | Schedule,
        weight: float,
        alone: float | Schedule | None,
    ) -> None:
        super().__init__(env, name, call_s)
        self.medium, self.weight = medium, weight
        self._cap = None if cap == math.inf else _schedule(name, cap)
        self._alone = None if alone is None else _schedule(name, alone)
        self._rate_bps = 0.0
        self._bits = self._left_bits = 0.0
        self._settled_s = 0.0
        self._ends_s = math.inf

    def _cap_at(self, now: float) -> float:
        return math.inf if self._cap is None else self._cap.rate(now)

    def _transmit(self, bits: float) -> None:
        self._bits = self._left_bits = bits
        self._rate_bps, self._settled_s = 0.0, self._env._now
        self._ends_s = math.inf if bits > 0.0 else self._env._now
        self.medium._join(self)

    def _halt(self) -> float:
        moved = self._moved()
        self.medium._leave(self)
        return moved

    def _moved(self) -> float:
        return self._bits - self._left(self._env._now)

    def _left(self, now: float) -> float:
        return max(0.0, self._left_bits - self._rate_bps * (now - self._settled_s))

    def _run_at(self, rate_bps: float, now: float) -> None:
        """Go on at another rate; what is known at an unchanged one stays, so that rounding does not pile up."""
        if rate_bps == self._rate_bps:
            return
        self._left_bits, self._settled_s, self._rate_bps = self._left(now), now, rate_bps
        self._ends_s = now + self._left_bits / rate_bps if rate_bps > 0.0 else math.inf


def _schedule(name: str, rate: float | Schedule) -> Schedule:
    """Take a number for a constant schedule; refuse what a medium cannot follow."""
    made = rate if isinstance(rate, Schedule) else Schedule.constant(rate)
    if made.bursts is not None:
        raise ValueError(f"{name}: a shared medium follows rates, not bursts; spread them first")
    return made
