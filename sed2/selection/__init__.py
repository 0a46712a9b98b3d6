"""Choosing: a measure leaves candidates out, then rungs of training, until one is sure enough.

schedule -> forecast -> halving (the race) -> choosing (its tasks and its costs) -> results
"""
