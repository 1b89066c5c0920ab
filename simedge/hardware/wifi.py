"""What a Wi-Fi cell carries when many stations have something to send: Bianchi's saturation throughput."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Dcf", "attempt_probability", "saturation"]


@dataclass(frozen=True)
class Dcf:
    """Timing of one channel access of the IEEE 802.11 distributed coordination function, basic access.

    Attributes
    ----------
    rate_bps : float
        Physical rate at which payload is sent, bit/s.
    payload_bytes : float
        Bytes that one access carries: a packet, or an aggregate of several.
    header_s : float
        Preamble and headers before the payload, s.
    answer_s : float
        Acknowledgement with its preamble, s.
    slot_s, sifs_s, difs_s : float
        Idle slot and interframe spaces, s.
    window : int
        Smallest contention window, slots.
    doublings : int
        How often the window doubles.
    """

    rate_bps: float
    payload_bytes: float
    header_s: float
    answer_s: float
    slot_s: float = 9e-6
    sifs_s: float = 16e-6
    difs_s: float = 34e-6
    window: int = 16
    doublings: int = 6

    @property
    def payload_s(self) -> float:
        """Seconds of payload in one access."""
        return 8.0 * self.payload_bytes / self.rate_bps

    @property
    def success_s(self) -> float:
        """Seconds for which an access that succeeds holds the medium."""
        return self.header_s + self.payload_s + self.sifs_s + self.answer_s + self.difs_s

    @property
    def collision_s(self) -> float:
        """Seconds for which a collision holds it: whole frames, of which none is answered."""
        return self.header_s + self.payload_s + self.difs_s


def attempt_probability(dcf: Dcf, stations: int) -> float:
    """Probability that a station transmits in a slot, when each of so many always has something to send.

    Notes
    -----
    The fixed point of Bianchi (2000), Eqs. 7 and 9: ``tau = 2 (1 - 2p) / ((1 - 2p)(W + 1) + p W (1 - (2p)^m))`` with
    ``p = 1 - (1 - tau)^(n - 1)``, found by bisection: the one side falls with tau, the other grows.
    """

    def wanted(p: float) -> float:
        # (1 - (2p)^m) / (1 - 2p) written out as a sum, which also holds at p = 1/2.
        doubled = sum((2.0 * p) ** k for k in range(dcf.doublings))
        return 2.0 / (dcf.window + 1 + p * dcf.window * doubled)

    low, high = 0.0, 1.0
    for _ in range(100):
        tau = (low + high) / 2
        if wanted(1.0 - (1.0 - tau) ** (stations - 1)) > tau:
            low = tau
        else:
            high = tau
    return (low + high) / 2


def saturation(dcf: Dcf, stations: int) -> float:
    """Share of the physical rate that so many saturated stations get together as payload.

    Notes
    -----
    G. Bianchi, "Performance analysis of the IEEE 802.11 distributed coordination function", IEEE JSAC 18(3), 2000,
    Eq. 13: payload seconds per slot over the mean length of a slot, which is idle, a success or a collision.

    Examples
    --------
    >>> cell = Dcf(rate_bps=65e6, payload_bytes=16384, header_s=40e-6, answer_s=32e-6)
    >>> [round(saturation(cell, n), 2) for n in (1, 4, 16)]
    [0.91, 0.82, 0.69]
    """
    tau = attempt_probability(dcf, stations)
    idle = (1.0 - tau) ** stations
    success = stations * tau * (1.0 - tau) ** (stations - 1)
    slot_s = idle * dcf.slot_s + success * dcf.success_s + (1.0 - idle - success) * dcf.collision_s
    return success * dcf.payload_s / slot_s
