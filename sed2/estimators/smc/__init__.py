"""Sequential Monte Carlo: particles are tempered from one block of the chain to the next."""
