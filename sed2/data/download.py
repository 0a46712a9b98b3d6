"""Download of one file, checked against its sha256."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sed2.common import terminal
from sed2.common.interrupts import raised

_RETRIES = 2  # after a first download that failed or came damaged
_TIMEOUT = 30  # seconds without an answer


class DownloadError(Exception):
    """The file could not be fetched; the message says why."""


def download(url: str, path: Path, sha256: str, *, progress: bool = False) -> None:
    """Put the file of an http or https address at `path`, whole or not at all.

    Folders are made as needed; a file that is there already and is the right one is kept.

    Args:
        progress: whether to show a bar on stderr (where that is a terminal).

    Raises:
        DownloadError: the network fails, the file has another sha256, or it cannot be written.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # the terminal is not pooch's to write to
    storage = pooch.create(
        path=path.parent,
        base_url="",
        registry={path.name: f"sha256:{sha256}"},
        urls={path.name: url},
        retry_if_failed=_RETRIES,
    )
    title = f"downloading {path.name}"
    with terminal.progress(title) as report:
        bar = _Bar(lambda done, total: report(title, done, total)) if progress else False
        downloader = pooch.HTTPDownloader(bar, timeout=_TIMEOUT)
        try:
            with raised():
                storage.fetch(path.name, downloader=downloader)
        except OSError as fault:  # those of requests are OSErrors without an errno
            if isinstance(fault, PermissionError) or fault.errno is not None:
                reason = f"{path} cannot be written ({fault.strerror or fault})"
            else:
                reason = f"the download failed ({fault})"
            raise DownloadError(reason) from fault
        except ValueError as fault:
            raise DownloadError(f"what came from {url} is not it (its sha256 differs)") from fault


class _Bar:
    """What pooch takes for a progress bar."""

    def __init__(self, report: Callable[[int, int], None]) -> None:
        self.total: Any = 0  # bytes; set by pooch, 0 where the server does not say
        self._done = 0
        self._report = report

    def update(self, amount: int) -> None:
        self._done += amount
        self._report(self._done, max(int(self.total), self._done))

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        pass
