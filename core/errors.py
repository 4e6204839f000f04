"""All errors that Gazegrid raises, as one tree.

GazegridError
├── BadInput                input that is refused, before it reaches the queue
│   ├── BadPicture          bytes that are not a usable picture
│   ├── BadParameter        a parameter with a value that is not allowed
│   ├── BadLink             a malformed link, key or file name
│   ├── UnknownMethod
│   └── UnknownNetwork
├── Undefined               the method is not defined for this network: shown in the cell, not a failure
├── NetworkUnavailable      a known network whose weights are missing or unusable here
├── StoreError
│   ├── Damaged             a stored file that does not match its checksum
│   ├── StoreFull           no space left on the device
│   └── StoreUnreadable     the folder is missing, locked or not a store
├── QueueUnavailable        Redis cannot be reached
├── ComputationFailed       the method ran and gave no result (NaN, out of memory)
├── WorkerLost              the job crashed its worker, three times
├── Superseded              another execution holds this job's lease: nothing may be published
└── Canceled

`str(error)` is one sentence for a person; `error.code` is stable, for programs.
"""

from __future__ import annotations

import re
from typing import ClassVar


class GazegridError(Exception):
    """Base of all errors that Gazegrid raises."""

    code: ClassVar[str] = "gazegrid_error"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class BadInput(GazegridError):
    """Input that is refused before it reaches the queue."""


class BadPicture(BadInput):
    """Bytes that are not a usable picture."""


class BadParameter(BadInput):
    """A parameter with a value that is not allowed."""


class BadLink(BadInput):
    """A malformed key, link or file name."""


class UnknownMethod(BadInput):
    """No method of this name."""


class UnknownNetwork(BadInput):
    """No network of this name in the catalog."""


class Undefined(GazegridError):
    """The method is not defined for this network; the sentence says why."""


class NetworkUnavailable(GazegridError):
    """A known network whose weights are missing or unusable here."""


class StoreError(GazegridError):
    """The store cannot do what was requested."""


class Damaged(StoreError):
    """A stored file that does not match its checksum."""


class StoreFull(StoreError):
    """No space left on the store's device."""


class StoreUnreadable(StoreError):
    """The store's folder is missing, locked or not a store."""


class QueueUnavailable(GazegridError):
    """Redis cannot be reached."""


class ComputationFailed(GazegridError):
    """The method ran and gave no result."""


class WorkerLost(GazegridError):
    """The job crashed its worker as often as `Settings.max_attempts` allows."""


class Superseded(GazegridError):
    """Another execution holds the job's lease; this one may publish nothing."""


class Canceled(GazegridError):
    """The job was canceled."""
