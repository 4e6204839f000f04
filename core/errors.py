"""Everything that can go wrong, as one tree.

GazegridError
├── BadInput                refused at the door, before the queue
│   ├── BadPicture          bytes that are no usable picture
│   ├── BadParameter        a method's parameter out of its bounds
│   ├── BadLink             a link, key or file name made by hand
│   ├── UnknownMethod
│   └── UnknownNetwork
├── Undefined               the method has no meaning for this network: said in the cell, not a failure
├── NetworkUnavailable      a known network whose weights cannot be had here
├── StoreError
│   ├── Damaged             a file whose checksum does not hold
│   ├── StoreFull           no room left on the device
│   └── StoreUnreadable     the folder is missing, locked or not ours
├── QueueUnavailable        Redis cannot be reached
├── ComputationFailed       the method ran and could not give a result (NaN, out of memory)
├── WorkerLost              the job took its worker down, three times
├── Superseded              another execution holds this job's lease: nothing may be published
└── Canceled

`str(error)` is one sentence for a person; `error.code` is stable and for programs.
"""

from __future__ import annotations

import re
from typing import ClassVar


class GazegridError(Exception):
    """Root of all errors that Gazegrid raises on purpose."""

    code: ClassVar[str] = "gazegrid_error"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class BadInput(GazegridError):
    """Input that is refused before the queue."""


class BadPicture(BadInput):
    """Bytes that are no usable picture."""


class BadParameter(BadInput):
    """A parameter whose value is not allowed."""


class BadLink(BadInput):
    """A key, link or name that Gazegrid did not make."""


class UnknownMethod(BadInput):
    """No method of this name."""


class UnknownNetwork(BadInput):
    """No network of this name in the catalog."""


class Undefined(GazegridError):
    """The method has no meaning for this network; the sentence says why."""


class NetworkUnavailable(GazegridError):
    """A known network whose weights cannot be had here."""


class StoreError(GazegridError):
    """The result store cannot do what was asked."""


class Damaged(StoreError):
    """A stored file whose checksum does not hold."""


class StoreFull(StoreError):
    """No room left on the store's device."""


class StoreUnreadable(StoreError):
    """The store's folder is missing, locked or not ours."""


class QueueUnavailable(GazegridError):
    """Redis cannot be reached."""


class ComputationFailed(GazegridError):
    """The method ran and could not give a result."""


class WorkerLost(GazegridError):
    """The job took its worker down more often than is tried again."""


class Superseded(GazegridError):
    """Another execution holds the job's lease; this one must publish nothing."""


class Canceled(GazegridError):
    """The job was canceled."""
