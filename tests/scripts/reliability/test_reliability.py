"""The script that counts what runs survive: that its checks can fail, and a toy run."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.reliability import __main__ as reliability
from scripts.reliability import bounds, commands, containers, damage, fuzz, inputs, kills, streams
from scripts.reliability.lab import Lab, apart, kept, whole_files
from scripts.reliability.trying import BrokenError, Ledger, Outcome, Try, demand, rows
from sed2.runs import store
from sed2.runs.store import Store
from tests.cli.test_app import COMMANDS


def quiet(told: str) -> None:
    pass


def test_a_flip_changes_one_bit_of_one_byte() -> None:
    content = bytes(range(20))
    changed = damage.flipped(content, 7, random.Random(0))
    assert [i for i in range(20) if changed[i] != content[i]] == [7]
    assert (changed[7] ^ content[7]).bit_count() == 1


def test_edits() -> None:
    def one(kind: str) -> bytes:
        return fuzz.edited(b"abcdef", [(kind, 2, 3, "!", 90)])

    assert one("cut") == b"abf"
    assert one("repeat") == b"abcdecdef"
    assert one("put") == b"ab!cdef"
    assert one("byte") == b"abZdef"


def test_replacing_a_part_of_a_document_leaves_the_rest() -> None:
    document = {"a": [1, {"b": 2}]}
    assert ("a", 1, "b") in list(fuzz.routes_of(document))
    assert fuzz.replaced(document, ("a", 1, "b"), None) == {"a": [1, {"b": None}]}
    assert document == {"a": [1, {"b": 2}]}


def test_what_is_kept_is_counted(tmp_path: Path) -> None:
    run = Store(tmp_path, print)
    for place in ("results", "pieces/a", "pieces/b"):
        run.save(place, "0" * 64, 1.0, float)
    (tmp_path / "results" / ".x.sed2.1.tmp").write_text("")
    assert kept(tmp_path) == (1, 2, 1)


def test_phases_of_a_kill(tmp_path: Path) -> None:
    def seen() -> list[str]:
        return [what for what, number in kills.phases(tmp_path / "run").items() if number]

    assert seen() == ["before anything was kept"]
    run = Store(tmp_path / "run", print)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "sed2-run.json").write_text("")
    assert seen() == ["no model finished"]
    for number in range(3):
        run.save("results", str(number) * 64, 1.0, float)
        assert seen() == ["some models finished" if number < 2 else "all models finished"]


def test_a_file_that_is_not_whole_is_found_out(tmp_path: Path) -> None:
    Store(tmp_path, print).save("results", "0" * 64, 1.0, float)
    (name,) = whole_files(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenError, match="is whole: it is not as long"):
        whole_files(tmp_path)


def test_flips_are_counted(tmp_path: Path) -> None:
    times, what = damage.results(tmp_path, 997, 0)
    assert times > 5
    assert "made anew" in what
    times, what = damage.manifests(tmp_path / "other", 211, 0)
    assert times > 3
    assert what == "refused"


def test_a_store_that_does_not_look_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "unsealed", lambda file, key: file.read().partition(b"\n")[2])
    with pytest.raises(BrokenError, match="the flip of byte 0 is seen"):
        damage.results(tmp_path, 10, 0)


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_fuzz_counts_every_example(tmp_path: Path, kind: str) -> None:
    examples = 1 if kind in fuzz.SLOW else 12
    seen = fuzz.check(tmp_path, kind, examples, 0)
    assert seen.total() == examples
    assert seen.keys() <= {"taken", "refused"}


def test_a_defect_ends_the_fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fuzz.api, "validate", defect)
    with pytest.raises(ZeroDivisionError):
        fuzz.check(tmp_path, next(iter(fuzz.KINDS)), 2, 0)


def test_what_is_said_must_be_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, promise in (
        ("a\x1b[2J", "all is printable"),
        ("  ::error::x", "a command to CI"),
        ("x" * 20_000, "longer than a page"),
    ):
        monkeypatch.setattr(fuzz, "run", lambda arguments, text=text: print(text) or 0)
        with pytest.raises(BrokenError, match=promise):
            fuzz.said([])
    monkeypatch.setattr(fuzz, "run", lambda arguments: 1)
    with pytest.raises(BrokenError, match="exit 0, 2, 4 or 5, not 1"):
        fuzz.said([])


def test_outcomes_are_kept_at_once_and_not_tried_again(tmp_path: Path) -> None:
    ledger, run = Ledger(tmp_path / "o.jsonl"), list[str]()

    def one(name: str) -> Outcome:
        run.append(name)
        demand(name != "b", "b is broken")
        return Outcome({"exit 0": 2}, 12.4, 3)

    def tries(names: str) -> list[Try]:
        return [Try("kind", name, lambda name=name: one(name)) for name in names]

    first = ledger.run("part", tries("ab"), quiet)
    assert next(first).failure == ""
    assert len(ledger.lines()) == 1
    (second,) = first
    assert second.failure == "b is broken"
    assert [line.name for line in ledger.run("part", tries("abc"), quiet)] == ["c"]
    assert [line.name for line in ledger.run("other", tries("a"), quiet)] == ["a"]
    assert "".join(run) == "abca"
    own = [line for line in ledger.lines() if line.part == "part"]
    assert rows(own) == [["kind", "7", "1", "12", "exit 0: 4"]]
    ledger.forget(["part"], failures=True)
    assert [line.name for line in ledger.lines()] == ["a", "c", "a"]
    ledger.forget(["part"])
    assert [line.part for line in ledger.lines()] == ["other"]


def test_a_page_tells_failures_and_what_was_not_tried(tmp_path: Path) -> None:
    lab = Lab(tmp_path, 4, 2, quiet)
    known = reliability.parts(lab, reliability.QUICK, 0)
    ledger = Ledger(tmp_path / "o.jsonl")

    def broken() -> Outcome:
        raise BrokenError("the result is the same")

    list(ledger.run("disk", [Try("a full disk", "4k", broken)], quiet))
    page = reliability.document(known, ledger.lines(), reliability.QUICK, "command")
    assert "1 cases in 1 tries; 1 fail" in page
    assert "- Failed: 4k: the result is the same" in page
    assert page.count("Not tried here.") == len(known) - 1


def test_a_promise_that_is_not_kept_is_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(lab: Lab, sizes: object) -> list[Try]:
        return [Try("a full disk", "4k", lambda: demand(False, "it is told") or Outcome())]

    monkeypatch.setattr(reliability.disk, "tries", broken)
    kept_in = ["--outcomes", str(tmp_path / "o.jsonl")]
    assert reliability.main(["--quick", "--only", "disk", *kept_in]) == 1
    assert "broken: disk: 4k: it is told" in capsys.readouterr().err
    assert reliability.main(["--quick", "--only", "dusk"]) == 2


def test_whatever_is_raised_in_a_process_of_its_own_is_a_failure() -> None:
    assert apart(max, 1, 2)[0] == 2
    with pytest.raises(BrokenError, match="ValueError: max"):
        apart(max, ())


def test_names_are_unique_and_every_command_is_there(tmp_path: Path) -> None:
    lab = Lab(tmp_path, 4, 2, quiet)
    for name in ("s.yaml", "other.json"):
        (tmp_path / "inputs").mkdir(exist_ok=True)
        (tmp_path / "inputs" / name).touch()
    bench = commands.Bench(lab)
    for module in (streams, inputs):
        names = [one.name for one in module.tries(bench, False)]
        assert len(set(names)) == len(names)
    names = [one.name for one in bounds.tries(lab, False)]
    assert len(set(names)) == len(names)
    told = {" ".join(line[:2]) if line[0] == "datasets" else line[0] for line in
            commands.COMMANDS.values()}  # fmt: skip
    assert told == set(COMMANDS)


def test_a_command_that_differs_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bench whose command is a script, which fails where stderr is full."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "other.json").touch()
    bench = commands.Bench(Lab(tmp_path, 4, 2, quiet))
    script = "import sys; sys.stderr.write('x'); sys.stderr.flush(); open('r.json', 'w').write('1')"
    monkeypatch.setattr(commands.Lab, "sed2", with_script(script, commands.Lab.sed2))
    assert bench.same(("c",)).code == 0
    with pytest.raises(BrokenError, match="exit 0, not"):
        bench.same(("c",), before=streams.bash(streams.STDERR["a full stderr"]))


@pytest.mark.skipif(sys.platform != "linux", reason="no cgroups")
def test_a_cgroup_holds_what_runs_in_it(tmp_path: Path) -> None:
    with containers.cgroup(300) as group:
        if group is None:
            pytest.skip("no cgroup can be made here")
        command = [*containers.within(group), "cat", "/proc/self/cgroup"]
        assert group.name in subprocess.run(command, capture_output=True, text=True).stdout
    assert not group.exists()


@pytest.mark.slow
def test_a_toy_run_writes_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs" / "reliability.md"
    assert reliability.main(["--quick", "--write", str(page)]) == 0
    text = page.read_text()
    assert text.strip() in capsys.readouterr().out
    assert " 0 tries failed" in text


@pytest.mark.slow
def test_another_result_is_found_out(tmp_path: Path) -> None:
    lab = Lab(tmp_path, 4, 2, quiet, ("MLP 54-2-7",))
    lab.__dict__["undisturbed"] = (b'"another"', 1.0)
    with pytest.raises(BrokenError, match="the result is the same"):
        lab.check(tmp_path / "run", tmp_path / "r.json", "undisturbed")


def with_script(script: str, usual: Any) -> Any:
    """`Lab.sed2` of a script instead."""

    def run(lab: Lab, *arguments: str, before: tuple[str, ...] = (), **how: Any) -> Any:
        # What follows `-c SCRIPT` are arguments of the script, `-m sed2` too.
        return usual(lab, *arguments, before=(*before, sys.executable, "-c", script), **how)

    return run
