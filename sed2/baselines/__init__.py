"""The measures that 2sED has to beat: counts, zero-cost proxies, and other effective dimensions.

`registry.BASELINES` lists them with their directions, which are fixed in advance. Each family of
measures that share their work is one file: `counts` (of the architecture alone), `draws` (of random
networks on one minibatch: `saliency`, `kernels`), and `dimension` (of end-to-end Fisher spectra).
"""
