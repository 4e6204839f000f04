"""What runs beside the workers: Redis, the reaper, the evictor, and all of it together on one machine."""

__all__ = ["local", "reaper", "redis_server", "welcome"]
