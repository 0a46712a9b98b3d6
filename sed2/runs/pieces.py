"""The pieces of one model's work, kept until its result is."""

from __future__ import annotations

from collections.abc import Callable

from sed2.fisher.plan import Plan, default_budget
from sed2.measure.spectra import Spectra
from sed2.runs import keys
from sed2.runs.store import Store

PIECE_WORK = 5e9
"""Operations of one piece: a second or two of one core."""


class KeptPieces:
    """`sed2.fisher.pieces.Pieces` in a store.

    Args:
        store: of the run directory.
        result: the key of the result that the pieces are of.
    """

    work = PIECE_WORK

    def __init__(self, store: Store, result: str) -> None:
        self._store, self._result = store, result
        self.place = f"pieces/{result}"

    def plan(self, fresh: Plan, items: int) -> Plan:
        """How the work was begun, as long as that fits what is free: pieces of another plan would
        be of no use. The numbers hang on the ways alone, which are the same in either."""
        key = keys.of_plan(self._result)
        begun: Plan | None = self._store.load(self.place, key, Plan)
        if begun and begun.bytes <= max(fresh.bytes, default_budget()):
            return begun
        if fresh.chunk < items:  # else there are no pieces to be kept
            self._store.save(self.place, key, fresh, Plan)
        return fresh

    def spectra(self, plan: Plan, first: int, compute: Callable[[], Spectra]) -> Spectra:
        key = keys.of_piece(self._result, plan, first)
        found: Spectra = self._store.remember(self.place, key, Spectra, compute)
        return found

    def discard(self) -> None:
        """When the result is kept, its pieces are not needed."""
        self._store.discard(self.place)
