"""The measures that 2sED has to beat: counts, zero-cost proxies, and other effective dimensions.

`registry.BASELINES` lists them with their directions, which are fixed in advance. Each family of
measures that share their work is one file: `counts` (of the architecture alone), `draws` (of random
networks on one minibatch: `saliency`, `kernels`), and `dimension` (of end-to-end Fisher spectra).
"""

from sed2.baselines.base import Baseline, BaselineValue
from sed2.baselines.registry import BASELINES, baseline_values, measure_baselines

__all__ = ["BASELINES", "Baseline", "BaselineValue", "baseline_values", "measure_baselines"]
