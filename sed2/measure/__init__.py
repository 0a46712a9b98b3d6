"""From spectra to 2sED and its errors: arrays alone, without a network.

spectra -> logdet -> two_sed, with montecarlo, uncertainty and intervals.
"""
