"""For tests of your own: the contract that a policy must keep."""

from simedge.policies.check import check_policy

__all__ = ["check_policy"]
