"""From a `JobSpec` to a worker and back: Redis, RQ, leases, and the state of each cell of a grid."""

__all__ = ["connection", "grid", "ledger", "queue"]
