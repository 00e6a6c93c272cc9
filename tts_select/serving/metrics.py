"""Counters for Prometheus, at `/metrics`."""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tts_select.core.cost import Cost

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500)
_SHARES = tuple(k / 10 for k in range(1, 11))


class Metrics:
    """Those of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        here = self._registry
        self._requests = Counter(
            "tts_requests",
            "Requests, by model, method and status.",
            ["model", "plan", "status"],
            registry=here,
        )
        self._refused = Counter("tts_refused", "Chats that were not let in.", ["code"], registry=here)
        self._tokens = Counter("tts_tokens", "Tokens, by what they were for.", ["role"], registry=here)
        self._flops = Counter("tts_flops", "FLOPs, where the sizes of all models are known.", registry=here)
        self._dollars = Counter("tts_dollars", "Dollars, where all prices are known.", registry=here)
        self._seconds = Histogram("tts_seconds", "Seconds of a request.", buckets=_SECONDS, registry=here)
        self._confidence = Histogram(
            "tts_confidence", "Confidence of the answers.", buckets=_SHARES, registry=here
        )
        self._stops = Counter("tts_stop", "Why runs ended.", ["reason"], registry=here)
        self._failures = Counter("tts_backend_errors", "Requests to backends that failed.", registry=here)
        self._running = Gauge("tts_runs_in_flight", "Runs in flight.", registry=here)
        self._waiting = Gauge("tts_requests_waiting", "Requests that wait for a place.", registry=here)
        self._left = Gauge(
            "tts_purse_left", "What is left of a key's purse today.", ["key", "unit"], registry=here
        )

    def request(self, *, model: str, plan: str, status: int, seconds: float) -> None:
        """A request was answered; 499 is the status of one whose client went away."""
        self._requests.labels(model, plan, str(status)).inc()
        self._seconds.observe(seconds)

    def refused(self, code: str) -> None:
        """A chat was refused before anything ran."""
        self._refused.labels(code).inc()

    def spent(self, cost: Cost) -> None:
        """A run has cost so much."""
        roles = {
            "prompt": cost.policy_prompt_tokens,
            "cached": cost.policy_reused_tokens,
            "generated": cost.policy_generated_tokens,
            "prm": cost.prm_tokens,
        }
        for role, n in roles.items():
            self._tokens.labels(role).inc(n)
        for counter, amount in ((self._flops, cost.flops), (self._dollars, cost.dollars)):
            if not math.isnan(amount):
                counter.inc(amount)

    def ended(self, *, reason: str, confidence: float | None, n_errors: int) -> None:
        """A run has its answer."""
        self._stops.labels(reason).inc()
        self._failures.inc(n_errors)
        if confidence is not None:
            self._confidence.observe(confidence)

    def text(self, *, running: int, waiting: int, left: dict[tuple[str, str], float]) -> bytes:
        """All of it as Prometheus reads it."""
        self._running.set(running)
        self._waiting.set(waiting)
        for (key, unit), amount in left.items():
            self._left.labels(key, unit).set(amount)
        return generate_latest(self._registry)
