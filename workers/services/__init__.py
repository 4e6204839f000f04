"""What runs beside the workers: embedded Redis, reaper, evictor, welcome comparison, and `gazegrid up`.

Takes settings; gives running processes, and a queue and a store that stay consistent.
"""

__all__ = ["local", "reaper", "redis_server", "welcome"]
