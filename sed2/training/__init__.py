"""A short training of a candidate: the loss that its score is to predict.

Plain supervised training with Adam from the parameter measure of the score, of the chain without
its noise. In float32, unlike the measure: a loss is not asked for in ten digits.
"""
