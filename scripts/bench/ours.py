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
        import sed2  # noqa: F401

        self.problem, self.stages = problem, None
        if problem.engine == "xla":  # the other one has no use for JAX
            from scripts.bench.stages import Stages
            from sed2.common.compilation import use_compilation_cache

            self.stages = Stages()
            use_compilation_cache()
        self.imports = time.perf_counter() - start

    def run(self) -> dict[str, float] | None:
        """Returns the seconds of imports, tracing, lowering and compiling so far, of XLA."""
        import sed2

        case = self.problem.case
        settings = {"samples": case.samples, "draws": case.draws, "sigma": self.problem.sigma}
        data = str(self.problem.data)
        result = sed2.compute(case.model, dataset=data, eps=EPS, **settings, **self.more)
        assert np.isfinite(result.two_sed.estimate).all()
        return {"importing": self.imports} | self.stages.seconds() if self.stages else None


class OursWithErrors(Ours):
    """With everything that `sed2 compute` does by default: as many items again for the standard
    errors over the inputs."""

    more: ClassVar[dict[str, int]] = {}
