"""From a `JobSpec` to a worker and back: Redis, RQ, leases, and where each cell of a grid stands."""

__all__ = ["connection", "grid", "ledger", "queue"]
