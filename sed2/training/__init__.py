"""A short training of a candidate: the loss that its score is to predict.

Plain supervised training with Adam from the parameter measure of the score, of the chain without
its noise. In float32, unlike the measure: a loss is not asked for in ten digits.
"""

from sed2.training.plan import check_training
from sed2.training.recipe import train
from sed2.training.result import Training
from sed2.training.settings import TrainingSettings

__all__ = ["Training", "TrainingSettings", "check_training", "train"]
