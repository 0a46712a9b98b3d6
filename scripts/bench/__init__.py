"""The benchmark suite: sed2 against other ways to its numbers, and against the bare arithmetic.

    python -m scripts.bench                                     # docs/benchmarks.md and .json
    python -m scripts.bench --only "MLP 54-16-7" --out /tmp/b   # one model, elsewhere
    python -m scripts.bench --quick --out /tmp/b                # toy sizes: does it work at all?

Run it from the root of the repository, on a machine with nothing else to do. The ways are one file
each: `paper` (dense numpy), `nngeom` and `curvlin` (PyTorch), `qiskit` (another dimension),
`training`, `limit` (bare LAPACK), and `ours`. PyTorch's come with its CPU build and the extra:

    pip install torch --index-url https://download.pytorch.org/whl/cpu && pip install '.[bench]'

A way whose packages are absent is left out, and the table says so. `counts` is apart from all this:
what sed2 does, counted rather than timed, for the tests.
"""
