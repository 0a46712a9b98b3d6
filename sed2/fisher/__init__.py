"""Fisher spectra of the blocks (docs/concepts/measure.md, section 2).

    F(theta_j | x) = E[s s^T],   s = grad log p(x_j | x),   F_j = its mean over the N inputs

- `expected`: the inner expectation in closed form, F = (1/(sigma^2 N)) sum_n J_n^T J_n.
- `empirical`: one x_j drawn per input, F = (1/N) sum_n s_n s_n^T.

`sample.py` runs either over all draws of a chain and returns `sed2.measure.spectra.Spectra`.
"""
