"""The estimators by name: a new one is one entry here, and its name in `Settings.estimator`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sed2.chain import Chain
from sed2.estimators.plain import plain
from sed2.estimators.problem import Estimates, Problem
from sed2.fisher.ways import Way
from sed2.settings import Settings


@dataclass(frozen=True)
class Estimator:
    """A strategy, and what it needs."""

    run: Callable[[Problem], Estimates]
    memory: Callable[[Chain, tuple[Way, ...], int, Settings], int] = lambda *_: 0
    """Bytes that it keeps besides the spectra: of a chain whose blocks go these ways, at so many
    inputs."""


def _sequential(problem: Problem) -> Estimates:
    from sed2.estimators.smc.sequential import sequential  # which `mc` does not wait for

    return sequential(problem)


def _particle_bytes(chain: Chain, ways: tuple[Way, ...], samples: int, settings: Settings) -> int:
    from sed2.estimators.smc.particles import particle_bytes

    return particle_bytes(chain, ways, samples, settings)


ESTIMATORS: Mapping[str, Estimator] = {
    "mc": Estimator(plain),
    "smc": Estimator(_sequential, _particle_bytes),
}


def reserved(chain: Chain, samples: int, settings: Settings) -> Callable[[tuple[Way, ...]], int]:
    """What `make_plan` has to leave for the estimator of these settings."""
    return lambda ways: ESTIMATORS[settings.estimator].memory(chain, ways, samples, settings)
