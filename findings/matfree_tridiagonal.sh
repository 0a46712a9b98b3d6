#!/bin/sh
# matfree 0.6.3: once the Krylov space is used up, `decomp.tridiag_sym(reortho="full")` returns
# off-diagonal numbers of the size of the matrix itself, and a quadrature by it is wrong.
#
# matfree/decomp.py, `_tridiag_reortho_full`, computes the tridiagonal matrix as
#     T = 0.5 * (H + H.T.conj()); offdiags = linalg.diagonal(T, offset=1)
# of Arnoldi's Hessenberg matrix H. For A = c I the first vector is all of the Krylov space. The next
# one, rounding of about 1e-32 normalised to length 1, need not be orthogonal to the first. So
# H[1, 0] is 1e-32, but H[0, 1] = q_0^T A q_1 may be +-c, and T has c / 2 where 0 is right.
#
# Seen on 2026-11-28 (jax 0.10.2, CPU, float64, A = 0.7 I of size 54, 8 steps):
#     matfree 0.6.3
#     H[1, 0] = 5.66e-33, H[0, 1] = 0.7, T[0, 1] = 0.35
#     z^T sqrt(A) z = 45.1796; by T: 43.9; by the diagonal and the subdiagonal of H, cut: 45.1796
# Exit 0: it is still so. Exit 1: it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet matfree==0.6.3 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import jax
import jax.numpy as jnp
import numpy as np
from matfree import decomp

jax.config.update("jax_enable_x64", True)
print("matfree", version("matfree"))
size, c, steps = 54, 0.7, 8
signs = jnp.where(jax.random.uniform(jax.random.key(1), (size,)) > 0.5, 1.0, -1.0)


def product(vector):
    return c * vector


def quadrature(diagonal, off):
    matrix = np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)
    nodes, vectors = np.linalg.eigh(matrix)
    return size * float(vectors[0] ** 2 @ np.sqrt(np.maximum(nodes, 0)))


options = {"reortho": "full", "custom_vjp": False}
diagonal, off = decomp.tridiag_sym(steps, materialize=False, **options)(product, signs).J_small
hessenberg = np.asarray(decomp.hessenberg(steps, **options)(product, signs).J_small)
print(f"H[1, 0] = {hessenberg[1, 0]:.3g}, H[0, 1] = {hessenberg[0, 1]:.3g}, T[0, 1] = {off[0]:.3g}")
exact = size * c**0.5
by_t = quadrature(np.asarray(diagonal), np.asarray(off))
cut = quadrature(hessenberg.diagonal()[:1], hessenberg.diagonal(-1)[:0])
print(f"z^T sqrt(A) z = {exact:.6g}; by T: {by_t:.3g}; by the diagonal and the subdiagonal of H, "
      f"cut: {cut:.6g}")
still = hessenberg[1, 0] < 1e-15 and abs(off[0]) > 0.1 * c and abs(by_t / exact - 1) > 0.01
sys.exit(0 if still and abs(cut / exact - 1) < 1e-14 else 1)
PYTHON
