"""The work on one model in pieces, which a caller may keep as they are done."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from sed2.fisher.plan import Plan
from sed2.measure.spectra import Spectra


class Pieces(Protocol):
    """Where the plan and the pieces of one model's work are kept."""

    work: float
    """Operations of one piece at most, unless one item has more."""

    def plan(self, fresh: Plan, items: int) -> Plan:
        """The plan by which the work on so many items was begun, or a fresh one."""

    def spectra(self, plan: Plan, first: int, compute: Callable[[], Spectra]) -> Spectra:
        """The spectra of the piece that begins at item `first`, as they were kept or computed."""


class Unkept:
    """Every piece is computed, and as large as the memory allows."""

    work = math.inf

    def plan(self, fresh: Plan, items: int) -> Plan:
        return fresh

    def spectra(self, plan: Plan, first: int, compute: Callable[[], Spectra]) -> Spectra:
        return compute()


UNKEPT = Unkept()
