# sed2 in a container: not root, and one mounted folder for all that is read and written.
#   docker build -t sed2 .                            for CPUs
#   docker build -t sed2 --build-arg JAX=cuda12 .     for NVIDIA's GPUs; then `docker run --gpus all`
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" sed2 rank models.yaml --html rank.html
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim
ARG JAX=cpu
COPY --from=build /wheels /wheels
COPY constraints.txt /wheels/
RUN set -- /wheels/*.whl \
    && python -m pip install --no-cache-dir --constraint /wheels/constraints.txt \
        "$1[arrow,images]" "jax[${JAX}]" \
    && rm -r /wheels \
    && useradd --uid 1000 --no-create-home sed2
# Caches and data sets stay in the mounted folder; all else is lost with the container.
ENV HOME=/tmp SED2_CACHE_DIR=/work/.sed2/cache SED2_DATA_DIR=/work/.sed2/data
USER 1000
WORKDIR /work
ENTRYPOINT ["sed2"]
CMD ["--help"]
