"""Where the first answer of a JAX program goes: tracing, lowering, compiling; by its own events."""

from __future__ import annotations

import time
from typing import Any

import jax

EVENTS = {
    "/jax/core/compile/jaxpr_trace_duration": "tracing",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lowering",
    "/jax/core/compile/backend_compile_duration": "compiling",
}

Span = tuple[float, float]


class Stages:
    """Seconds of each stage since it was made."""

    def __init__(self) -> None:
        self.spans: dict[str, list[Span]] = {stage: [] for stage in EVENTS.values()}
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event: str, seconds: float, **about: Any) -> None:
        if event in EVENTS:
            end = time.perf_counter()
            self.spans[EVENTS[event]].append((end - seconds, end))

    def seconds(self) -> dict[str, float]:
        """By stage."""
        return {stage: length(spans) for stage, spans in self.spans.items()}


def length(spans: list[Span]) -> float:
    """Of all spans together: functions are traced within each other, which counts once."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(end - max(start, reached), 0.0)
        reached = max(reached, end)
    return total
