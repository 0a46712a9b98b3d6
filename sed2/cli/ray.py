"""`--ray` of `sed2 rank`: the candidates on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sed2.common import terminal

if TYPE_CHECKING:
    from sed2.cluster.settings import Cluster

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Work on a Ray cluster, a task for each candidate: `auto`, HOST:6379, "
        "ray://HOST:10001, or `local` for one on this machine. Needs `pip install 'sed2[ray]'`.",
    ),
]
RayCpus = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="CPUs of each task of --ray. [default: 1]"),
]
RayGpus = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER",
        help="GPUs of each task of --ray; 0.5 shares one between two. [default: 0]",
    ),
]


def cluster_of(ray: str | None, cpus: str | None, gpus: str | None) -> Cluster | None:
    """The cluster that the options name, if they do.

    Raises:
        UsageError: an option is not allowed, or means nothing without `--ray`.
    """
    from sed2.cluster.settings import Cluster
    from sed2.request import refuse_without

    if ray is None:
        wishes = {"ray_cpus": cpus, "ray_gpus": gpus}
        refuse_without("--ray", "everything is done by this process", wishes)
        return None
    return Cluster(ray, cpus=cpus, gpus=gpus, tell=terminal.say)
