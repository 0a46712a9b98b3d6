"""sed2: rank neural architectures before training them, by the two-scale effective dimension.

    >>> import sed2
    >>> result = sed2.compute("MLP 54-16-7", dataset="covertype", eps="1e-3:1e-1")
    >>> ranking = sed2.rank("configs/mlps.yaml")
    >>> choice = sed2.select("configs/mlps.yaml", epochs=40, budget="10%").choice
    >>> stability = sed2.stability("configs/mlps.yaml", seeds=5)
    >>> gated = sed2.gate("configs/mlps.yaml", "sed2-baseline.json")
    >>> bound = sed2.bound("MLP 54-16-7", dataset="covertype", n_train=100_000, lipschitz=1)

All return typed, immutable results. `dir(sed2)` lists them, the verbs, the settings and the errors.
JAX is imported when one of them is first used, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sed2.common import display

if TYPE_CHECKING:
    from sed2.api import bound as bound
    from sed2.api import compute as compute
    from sed2.api import gate as gate
    from sed2.api import make_baseline as make_baseline
    from sed2.api import rank as rank
    from sed2.api import select as select
    from sed2.api import stability as stability
    from sed2.api import validate as validate
    from sed2.cluster.settings import Cluster as Cluster
    from sed2.errors import DataError as DataError
    from sed2.errors import HostError as HostError
    from sed2.errors import NumericsError as NumericsError
    from sed2.errors import ResourceError as ResourceError
    from sed2.errors import Sed2Error as Sed2Error
    from sed2.errors import SpecError as SpecError
    from sed2.errors import UsageError as UsageError
    from sed2.gating.baseline import Baseline as Baseline
    from sed2.gating.outcome import GatedModel as GatedModel
    from sed2.gating.outcome import GateResult as GateResult
    from sed2.generalisation.results import BoundResult as BoundResult
    from sed2.options import TrainingSettings as TrainingSettings
    from sed2.ranking.results import RankedModel as RankedModel
    from sed2.ranking.results import Ranking as Ranking
    from sed2.results import Checked as Checked
    from sed2.results import Curve as Curve
    from sed2.results import ModelResult as ModelResult
    from sed2.results import Score as Score
    from sed2.robustness.results import StabilityResult as StabilityResult
    from sed2.runs.directory import RunDirectory as RunDirectory
    from sed2.runs.loading import StoredRun as StoredRun
    from sed2.runs.loading import load_ranking as load_ranking
    from sed2.runs.loading import load_run as load_run
    from sed2.selection.results import SelectedModel as SelectedModel
    from sed2.selection.results import Selection as Selection
    from sed2.settings import Settings as Settings
    from sed2.training.result import Training as Training

    __version__: str

_NAMES = {
    "sed2.api": "bound compute gate make_baseline rank select stability validate",
    "sed2.generalisation.results": "BoundResult",
    "sed2.cluster.settings": "Cluster",
    "sed2.errors": "DataError HostError NumericsError ResourceError Sed2Error SpecError UsageError",
    "sed2.gating.baseline": "Baseline",
    "sed2.gating.outcome": "GateResult GatedModel",
    "sed2.ranking.results": "RankedModel Ranking",
    "sed2.results": "Checked Curve ModelResult Score",
    "sed2.runs.directory": "RunDirectory",
    "sed2.runs.loading": "StoredRun load_ranking load_run",
    "sed2.selection.results": "SelectedModel Selection",
    "sed2.settings": "Settings",
    "sed2.robustness.results": "StabilityResult",
    "sed2.training.result": "Training",
    "sed2.options": "TrainingSettings",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from sed2.common.distribution import version

        return version()
    if name in _PLACES:
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'sed2' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _views() -> display.Views:
    from sed2.report import notebook

    return notebook


display.views = _views
