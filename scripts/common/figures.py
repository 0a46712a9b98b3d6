"""Empty figures in the style of sed2's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sed2.report.figures.curves import plain_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def panels(
    width: float, height: float, rows: int, columns: int, **more: Any
) -> tuple[Figure, np.ndarray]:
    """An empty figure, its size in inches, and its axes (rows, columns).

    Args:
        more: for `Figure.subplots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **more)
    for each in axes.flat:
        plain_axes(each)
    return figure, axes
