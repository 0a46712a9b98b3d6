"""sed2 itself, as a user has it: `sed2.compute`, from the data to the curves."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from scripts.bench.cases import EPS
from scripts.bench.problem import Problem
from sed2.common.threads import prepare


class Ours:
    """The K draws alone, which is what the other ways do."""

    more: ClassVar[dict[str, int]] = {"input_groups": 0}

    def __init__(self, problem: Problem) -> None:
        start = time.perf_counter()
        prepare()  # as the command line does; and BLAS has one thread, see `ways`
        from scripts.bench.stages import Stages  # brings JAX
        from sed2.common.compilation import use_compilation_cache

        self.problem, self.imports = problem, time.perf_counter() - start
        self.stages = Stages()
        use_compilation_cache()

    def run(self) -> dict[str, float]:
        """Returns the seconds of imports, tracing, lowering and compiling so far."""
        import sed2

        case = self.problem.case
        settings = {"samples": case.samples, "draws": case.draws, "eps": EPS} | self.more
        result = sed2.compute(case.model, dataset=str(self.problem.data), **settings)
        assert np.isfinite(result.two_sed.estimate).all()
        return {"importing": self.imports} | self.stages.seconds()


class OursWithErrors(Ours):
    """With everything that `sed2 compute` does by default: as many items again for the standard
    errors over the inputs."""

    more: ClassVar[dict[str, int]] = {}
