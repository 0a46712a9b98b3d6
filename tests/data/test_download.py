"""Downloads, from a server on this machine that misbehaves as it is told to."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from sed2.data import download as download_module
from sed2.data.catalogue import DATASETS
from sed2.data.registry import fetch, is_available
from sed2.errors import DataError, ExitCode

# Requests leaves the socket of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

NAME = "covertype-full"
FILE = DATASETS[NAME].files[0].name
FOUR = DATASETS["fashion-mnist"].files
CONTENT = bytes(range(256)) * 100


class Server(ThreadingHTTPServer):
    """Answers each request as the next of `answers` says, the last one over and over."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = ["whole"]
        self.requests = 0

    def url(self, file: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{file}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        answers = self.server.answers
        answer = answers[min(self.server.requests, len(answers) - 1)]
        self.server.requests += 1
        if answer == "missing":
            self.send_error(404)
        elif answer == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/file")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            whole = CONTENT if answer != "wrong" else CONTENT[::-1]
            self.wfile.write(whole if answer != "interrupted" else whole[:1000])

    def log_message(self, format: str, *args: object) -> None:
        pass


def lead_to(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    for name in (NAME, "fashion-mnist"):
        info = DATASETS[name]
        files = (replace(file, url=server.url(file.name), sha256=sha256) for file in info.files)
        monkeypatch.setitem(DATASETS, name, replace(info, files=tuple(files)))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server which the entries of downloads lead to, all for the same content."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download_module, "_RETRIES", 0)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with Server() as server:
        lead_to(server, monkeypatch)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    gc.collect()  # here, where it may warn


def refusal(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        fetch(NAME, cache_dir=folder)
    fault = caught.value
    assert fault.exit_code is ExitCode.DATA
    assert fault.cause.startswith(f"data set `{NAME}` cannot be fetched: ")
    # Every mend is there: try again, get it by hand, put it elsewhere, take other data.
    for mend in (
        f"sed2 datasets fetch {NAME}",
        DATASETS[NAME].files[0].url,
        f"put it in {folder} as {FILE}",
        "$SED2_DATA_DIR",
        "use the data set `covertype`",
    ):
        assert mend in fault.mend
    return fault


def test_downloaded_once_into_a_new_folder(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    assert not is_available(NAME, cache_dir=folder)
    assert fetch(NAME, cache_dir=folder) == (folder / FILE,)
    assert (folder / FILE).read_bytes() == CONTENT
    assert os.listdir(folder) == [FILE]
    assert is_available(NAME, cache_dir=folder)
    assert fetch(NAME, cache_dir=folder) == (folder / FILE,)
    assert server.requests == 1


def test_kept_in_the_folder_of_the_variable(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SED2_DATA_DIR", str(tmp_path))
    assert fetch(NAME) == (tmp_path / FILE,)
    assert is_available(NAME)


def test_put_there_by_hand(server: Server, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(CONTENT)
    assert fetch(NAME, cache_dir=tmp_path) == (tmp_path / FILE,)
    assert server.requests == 0


def test_a_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(CONTENT[:-1])
    assert not is_available(NAME, cache_dir=tmp_path)
    fetch(NAME, cache_dir=tmp_path)
    assert (tmp_path / FILE).read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["interrupted", "wrong", "missing"])
def test_tried_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(download_module, "_RETRIES", 1)
    server.answers = [first, "whole"]
    fetch(NAME, cache_dir=tmp_path)
    assert (tmp_path / FILE).read_bytes() == CONTENT
    assert server.requests == 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("wrong", "is not it (its sha256 differs)"),
        ("interrupted", "the download failed ("),
        ("missing", "404"),
        ("elsewhere", "the download failed (No connection adapters were found for 'ftp:"),
    ],
)
def test_what_the_server_can_do_wrong(
    server: Server, tmp_path: Path, answer: str, reason: str
) -> None:
    server.answers = [answer]
    assert reason in refusal(tmp_path).cause
    assert os.listdir(tmp_path) == []  # neither the file nor a part of it


def test_no_server(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as closed:
        pass
    lead_to(closed, monkeypatch)
    assert "the download failed (" in refusal(tmp_path).cause
    assert os.listdir(tmp_path) == []


def test_the_wrong_file_put_there_by_hand_is_kept_and_named(server: Server, tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_bytes(b"mine")
    server.answers = ["missing"]
    assert f"{path} is not the right file, and the download failed (404" in refusal(tmp_path).cause
    assert path.read_bytes() == b"mine"


def test_a_file_in_the_place_of_the_folder(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.write_text("")
    assert f"{folder / FILE} cannot be written (" in refusal(folder).cause
    assert server.requests == 0


@pytest.mark.parametrize(
    "fault",
    [PermissionError(13, "Permission denied"), OSError(30, "Read-only file system")],
    ids=["permission", "read-only"],
)
def test_a_folder_that_cannot_be_written(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("pooch.utils.os.makedirs", refuse)
    folder = tmp_path / "cache"
    cause = refusal(folder).cause
    assert f"{folder / FILE} cannot be written (" in cause
    assert str(fault.strerror) in cause
    assert server.requests == 0


def test_all_files_of_a_data_set_are_downloaded(server: Server, tmp_path: Path) -> None:
    paths = fetch("fashion-mnist", cache_dir=tmp_path)
    assert paths == tuple(tmp_path / file.name for file in FOUR)
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert server.requests == 4
    paths[1].unlink()
    assert not is_available("fashion-mnist", cache_dir=tmp_path)
    fetch("fashion-mnist", cache_dir=tmp_path)
    assert server.requests == 5
    assert is_available("fashion-mnist", cache_dir=tmp_path)


def test_all_missing_files_are_named(server: Server, tmp_path: Path) -> None:
    server.answers = ["whole", "missing"]
    with pytest.raises(DataError, match="`fashion-mnist` cannot be fetched: the") as caught:
        fetch("fashion-mnist", cache_dir=tmp_path)
    folder = tmp_path / "fashion-mnist"
    assert [path.name for path in folder.iterdir()] == ["train-images-idx3-ubyte.gz"]
    names = ["train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    one, two, three = (server.url(f"fashion-mnist/{name}") for name in names)
    assert caught.value.mend == (
        f"Run `sed2 datasets fetch fashion-mnist` where there is a network; or get {one} by other "
        f"means and put it in {folder} as {names[0]}, {two} as {names[1]}, {three} as {names[2]} "
        "($SED2_DATA_DIR names another folder), or use the data set `mnist`"
    )


def test_an_interrupt_leaves_no_part(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.core.hash_matches", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch(NAME, cache_dir=tmp_path)
    assert server.requests == 1
    assert os.listdir(tmp_path) == []


def test_progress_is_reported_to_the_end_and_stdout_stays_empty(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    reports: list[tuple[int, int]] = []

    @contextmanager
    def progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
        assert title == f"downloading {FILE}"
        yield lambda what, done, total: reports.append((done, total))

    monkeypatch.setattr("sed2.common.terminal.progress", progress)
    fetch(NAME, progress=True, cache_dir=tmp_path)
    assert len(reports) > 2
    assert reports[0][0] < len(CONTENT)
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert all(done <= total for done, total in reports)
    assert capfd.readouterr() == ("", "")
