"""Strategies that estimate 2sED from the spectra of K draws: plain Monte Carlo, and `smc`."""
