"""The states of a job in Redis, and the atomic steps between them.

    queued -> started -> finished | failed | canceled
       ^         |
       +---------+   worker lost or shut down, or job retried

Records, lists and registries are RQ's own, so that RQ's tools can read them. Each step is one Lua script: it happens
whole or not at all under any kill, and checks the state before it changes it, so it may be repeated and raced. An entry
in RQ's `StartedJobRegistry` (`rq:wip`) is a worker's lease: its score is the expiry by Redis' clock. The execution's id
is the fencing token: a step that needs the token does nothing for a worker that no longer holds the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.commands.core import Script

LIVE_STATES = ("queued", "started")
DEAD_STATES = ("finished", "failed", "canceled")
FINISHED_TTL_S = 600
PROGRESS_TTL_S = 24 * 3600
QUARANTINE_TTL_S = 7 * 24 * 3600
TRACE_CHARACTERS = 8_000

_PRELUDE = """
local job, queue, popped, leases = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local finished, failed, canceled = KEYS[5], KEYS[6], KEYS[7]
local progress, preview, quarantined = KEYS[8], KEYS[9], KEYS[10]
local id = ARGV[1]
local function clock() local t = redis.call('TIME'); return t[1] + t[2] / 1e6 end
local function kind() return redis.call('TYPE', job).ok end
local function get(field) return redis.call('HGET', job, field) end
local function holds(token)
  return kind() == 'hash' and get('status') == 'started' and get('execution') == token
end
local function attempts() return tonumber(get('attempts') or '0') or 0 end
local function listed()
  return redis.call('LPOS', queue, id) or redis.call('LPOS', popped, id)
end
local function unlease()
  local token = get('execution')
  if token then redis.call('ZREM', leases, id .. ':' .. token) end
  redis.call('HDEL', job, 'execution')
end
local function unlist()
  redis.call('LREM', queue, 0, id)
  redis.call('LREM', popped, 0, id)
  for _, registry in ipairs({finished, failed, canceled}) do redis.call('ZREM', registry, id) end
end
local function finish(status, registry, ttl)
  unlease()
  redis.call('HSET', job, 'status', status)
  redis.call('ZADD', registry, clock() + ttl, id)
  redis.call('EXPIRE', job, ttl)
end
local function fail(code, sentence, trace, ttl)
  redis.call('HSET', job, 'error_code', code, 'error_sentence', sentence, 'error_trace', trace)
  finish('failed', failed, ttl)
end
local function requeue(push)
  unlease()
  redis.call('PERSIST', job)
  redis.call('HDEL', job, 'worker_name', 'started_at', 'ended_at')
  redis.call('HSET', job, 'status', 'queued')
  redis.call('LREM', popped, 0, id)
  if not redis.call('LPOS', queue, id) then redis.call(push, queue, id) end
end
local function lose(sentence, most, ttl)
  redis.call('HSET', job, 'lost_because', sentence)
  if attempts() >= most then
    fail('worker_lost', 'the job crashed its worker ' .. attempts() .. ' times: ' .. sentence, '', ttl)
    return 'failed'
  end
  requeue('RPUSH')
  return 'queued'
end
"""

_STEPS = {
    # ARGV: token, lease_s, worker, now -> attempt, data; the state of a job that is not to be run
    "take": """
        if kind() ~= 'hash' then
          redis.call('LREM', popped, 0, id)
          return kind()
        end
        if holds(ARGV[2]) then return {attempts(), get('data') or ''} end
        if get('status') ~= 'queued' then
          redis.call('LREM', popped, 1, id)
          return get('status') or 'none'
        end
        redis.call('LREM', popped, 0, id)
        redis.call('HSET', job, 'status', 'started', 'execution', ARGV[2], 'worker_name', ARGV[4],
                   'started_at', ARGV[5], 'last_heartbeat', ARGV[5], 'attempts', attempts() + 1)
        redis.call('ZADD', leases, clock() + ARGV[3], id .. ':' .. ARGV[2])
        redis.call('DEL', progress, preview)
        return {attempts(), get('data') or ''}""",
    # ARGV: token, lease_s, now
    "renew": """
        if not holds(ARGV[2]) then return 0 end
        redis.call('ZADD', leases, clock() + ARGV[3], id .. ':' .. ARGV[2])
        redis.call('HSET', job, 'last_heartbeat', ARGV[4])
        return 1""",
    "holds": "return holds(ARGV[2]) and 1 or 0",
    # ARGV: token, preview or '', ttl, field, value, ...
    "report": """
        if not holds(ARGV[2]) then return 0 end
        redis.call('HSET', progress, unpack(ARGV, 5))
        redis.call('EXPIRE', progress, ARGV[4])
        if ARGV[3] ~= '' then
          redis.call('SET', preview, ARGV[3], 'EX', ARGV[4])
          redis.call('HINCRBY', progress, 'preview', 1)
        end
        return 1""",
    # ARGV: token, ttl, now
    "finish": """
        if not holds(ARGV[2]) then return 0 end
        redis.call('HSET', job, 'ended_at', ARGV[4])
        finish('finished', finished, tonumber(ARGV[3]))
        redis.call('DEL', preview)
        return 1""",
    # ARGV: token, code, sentence, trace, ttl, now
    "fail": """
        if not holds(ARGV[2]) then return 0 end
        redis.call('HSET', job, 'ended_at', ARGV[7])
        fail(ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]))
        return 1""",
    # ARGV: token; a worker returns the job: the attempt does not count, and the job is next in the queue
    "release": """
        if not holds(ARGV[2]) then return 0 end
        redis.call('HSET', job, 'attempts', math.max(0, attempts() - 1))
        requeue('LPUSH')
        return 1""",
    # ARGV: token, sentence, max attempts, ttl; the job's process died
    "lose": """
        if not holds(ARGV[2]) then return 'none' end
        return lose(ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))""",
    # ARGV: token, sentence, max attempts, ttl; the worker's lease has expired
    "recover": """
        local entry = id .. ':' .. ARGV[2]
        if not holds(ARGV[2]) then
          redis.call('ZREM', leases, entry)
          return 'none'
        end
        local till = redis.call('ZSCORE', leases, entry)
        if till and tonumber(till) > clock() then return 'none' end
        return lose(ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]))""",
    # the job was popped, and its worker died before it took the job
    "reseat": """
        if redis.call('LREM', popped, 0, id) == 0 then return 0 end
        if kind() ~= 'hash' or get('status') ~= 'queued' then return 0 end
        requeue('LPUSH')
        return 1""",
    # the job's status is queued, but it is in no list
    "relist": """
        if kind() ~= 'hash' or get('status') ~= 'queued' or listed() then return 0 end
        requeue('RPUSH')
        return 1""",
    # ARGV: ttl, now, token or '' -> state before, worker
    "cancel": """
        if kind() ~= 'hash' then return {'none', ''} end
        if ARGV[4] ~= '' and not holds(ARGV[4]) then return {'none', ''} end
        local before, worker = get('status') or 'none', get('worker_name') or ''
        if before ~= 'queued' and before ~= 'started' then return {before, worker} end
        unlist()
        redis.call('HSET', job, 'ended_at', ARGV[3])
        finish('canceled', canceled, tonumber(ARGV[2]))
        redis.call('DEL', progress, preview)
        return {before, worker}""",
    # queue a failed or canceled job again
    "retry": """
        if kind() ~= 'hash' then return 'none' end
        local before = get('status') or 'none'
        if (before ~= 'failed' and before ~= 'canceled') or not get('data') then return before end
        unlist()
        redis.call('HDEL', job, 'error_code', 'error_sentence', 'error_trace', 'attempts', 'lost_because')
        redis.call('DEL', progress, preview)
        requeue('RPUSH')
        return 'queued'""",
    # delete the record of a job that has ended -> the state of one that has not, or 'none'
    "clear": """
        if kind() == 'hash' then
          local status = get('status')
          if status == 'queued' or status == 'started' then return status end
          unlease()
        end
        unlist()
        redis.call('DEL', job, progress, preview)
        return 'none'""",
    # ARGV: token or '', sentence, quarantine ttl, ttl, now; move the record away, and mark the job as failed
    "quarantine": """
        local found = kind()
        if ARGV[2] ~= '' and not holds(ARGV[2]) then return 0 end
        if found == 'hash' then unlease() end
        unlist()
        if found == 'none' then return 0 end
        redis.call('RENAME', job, quarantined)
        redis.call('EXPIRE', quarantined, ARGV[4])
        redis.call('HSET', job, 'created_at', ARGV[6], 'ended_at', ARGV[6])
        fail('damaged', ARGV[3], '', tonumber(ARGV[5]))
        return 1""",
}


@dataclass(frozen=True)
class Taken:
    """A job that this worker holds: `token` is the execution's id, `data` RQ's record of the call."""

    key: str
    token: str
    attempt: int
    data: bytes


class Ledger:
    """The jobs of one queue. Each method is one atomic step, and raises redis-py's errors."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self.redis = redis
        self.queue = queue
        self.queue_key = f"rq:queue:{queue}"
        self.popped_key = f"rq:queue:{queue}:intermediate"
        self.leases_key = f"rq:wip:{queue}"
        self.finished_key = f"rq:finished:{queue}"
        self.failed_key = f"rq:failed:{queue}"
        self.canceled_key = f"rq:canceled:{queue}"
        self._scripts: dict[str, Script] = {
            name: redis.register_script(_PRELUDE + body) for name, body in _STEPS.items()
        }

    def take(self, key: str, token: str, *, lease_s: float, worker: str) -> Taken | str:
        """Start a popped job; returns the state of one that is not to be run, or the Redis type of a damaged record."""
        reply = self._step("take", key, token, lease_s, worker, utc_now())
        if isinstance(reply, bytes):
            return reply.decode(errors="replace")
        return Taken(key, token, int(reply[0]), reply[1])

    def renew(self, key: str, token: str, lease_s: float) -> bool:
        """Extend the lease to `lease_s` seconds from now; False if this execution no longer holds the job."""
        return bool(self._step("renew", key, token, lease_s, utc_now()))

    def holds(self, key: str, token: str) -> bool:
        """Whether this execution holds the job."""
        return bool(self._step("holds", key, token))

    def report(self, key: str, token: str, fields: Mapping[str, str | int], preview: bytes = b"") -> bool:
        """Write progress, and a preview if not empty; False if this execution no longer holds the job."""
        pairs = [part for pair in fields.items() for part in pair]
        return bool(self._step("report", key, token, preview, PROGRESS_TTL_S, *pairs))

    def finish(self, key: str, token: str) -> bool:
        """Mark the job as finished, once its result is in the store; False if this execution no longer holds it."""
        return bool(self._step("finish", key, token, FINISHED_TTL_S, utc_now()))

    def fail(self, key: str, token: str, *, code: str, sentence: str, trace: str, ttl_s: int) -> bool:
        """Mark the job as failed; False if this execution no longer holds it."""
        return bool(self._step("fail", key, token, code, sentence, trace[-TRACE_CHARACTERS:], ttl_s, utc_now()))

    def release(self, key: str, token: str) -> bool:
        """Return the job to the front of the queue; False if this execution no longer holds it."""
        return bool(self._step("release", key, token))

    def lose(self, key: str, token: str, *, sentence: str, max_attempts: int, ttl_s: int) -> str:
        """Queue the job again after its process died, or fail it as `worker_lost`; returns the new state, or 'none'."""
        return _text(self._step("lose", key, token, sentence, max_attempts, ttl_s))

    def recover(self, key: str, token: str, *, sentence: str, max_attempts: int, ttl_s: int) -> str:
        """As `lose`, for an expired lease; 'none' if it was renewed or the job ended meanwhile."""
        return _text(self._step("recover", key, token, sentence, max_attempts, ttl_s))

    def reseat(self, key: str) -> bool:
        """Return a job that was popped, but not taken, to the front of the queue; False if there was none."""
        return bool(self._step("reseat", key))

    def relist(self, key: str) -> bool:
        """Append a queued job that is in no list to the end of the queue; False if there was none."""
        return bool(self._step("relist", key))

    def cancel(self, key: str, *, ttl_s: int, token: str = "") -> tuple[str, str]:
        """Cancel a queued or started job, whose worker may then publish nothing; returns (state before, worker).

        With a token, only while the execution of that token holds the job.
        """
        before, worker = self._step("cancel", key, ttl_s, utc_now(), token)
        return _text(before), _text(worker)

    def retry(self, key: str) -> str:
        """Queue a failed or canceled job again; returns the state that it now has."""
        return _text(self._step("retry", key))

    def clear(self, key: str) -> str:
        """Delete the record of a job that has ended; returns the state of one that has not, else 'none'."""
        return _text(self._step("clear", key))

    def quarantine(self, key: str, sentence: str, *, ttl_s: int, token: str = "") -> bool:
        """Move an unreadable record to quarantine and mark the job as failed with the code `damaged`."""
        return bool(self._step("quarantine", key, token, sentence, QUARANTINE_TTL_S, ttl_s, utc_now()))

    def expired(self) -> list[tuple[str, str]]:
        """(key, token) of each expired lease, by Redis' clock."""
        seconds, micros = self.redis.time()
        entries = self.redis.zrangebyscore(self.leases_key, 0, seconds + micros / 1e6)
        return [split_entry(entry) for entry in entries]

    def _step(self, step: str, key: str, *arguments: Any) -> Any:
        keys = [
            *(f"rq:job:{key}", self.queue_key, self.popped_key, self.leases_key),
            *(self.finished_key, self.failed_key, self.canceled_key),
            *(progress_key(key), preview_key(key), f"gazegrid:quarantine:{key}"),
        ]
        return self._scripts[step](keys=keys, args=[key, *arguments])


def progress_key(key: str) -> str:
    """Redis key of a job's progress, a hash: step, total, scalars and curves (JSON), preview (number of the latest)."""
    return f"gazegrid:progress:{key}"


def preview_key(key: str) -> str:
    """Redis key of a job's latest preview, a WebP of at most 160 px."""
    return f"gazegrid:preview:{key}"


def split_entry(entry: Any) -> tuple[str, str]:
    """(key, token) of an entry of the `StartedJobRegistry`."""
    key, _, token = _text(entry).rpartition(":")
    return key, token


def utc_now() -> str:
    """The current time, UTC, in RQ's format."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _text(reply: Any) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
