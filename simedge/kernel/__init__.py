"""Time and chance: the only room that imports SimPy."""

from simedge.kernel.environment import Alarm, Environment
from simedge.kernel.queue import Admission, BoundedQueue, InputQueue
from simedge.kernel.streams import Streams

__all__ = ["Admission", "Alarm", "BoundedQueue", "Environment", "InputQueue", "Streams"]
