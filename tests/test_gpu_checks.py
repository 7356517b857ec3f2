"""benchmarks/gpu_checks.py on checks that are made up here: what fits, what is stopped, what is written down."""

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import gpu_checks
import pytest
from gpu_checks import main, read_results, render
from gpu_checks_list import CHECKS
from gpu_checks_run import ROOT, Check, Place, Result, Told, Verdict, last_object, run_checks

DOCUMENT = """# Title

1. **One.** Text that
   - stays.
   - bar: old; at most 9 min.
   - result: not run yet,
     or so.

2. **Two.** `command`
   - result: not run yet.
10. **Ten.** Text.
    - result: not run yet.
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def check(number: int, *codes: str, minutes: float = 1, judge=lambda told: Verdict("fine")) -> Check:
    commands = lambda place: [python(code) for code in codes]
    return Check(number, f"number {number}", "a bar", minutes, commands, judge)


def run(checks: list[Check], out: Path, minutes: float = 30, **more) -> list[Result]:
    return run_checks(checks, out, "cuda", "A GPU", minutes, **more)


def test_what_commands_print_is_judged_and_written_down(tmp_path):
    seen: list[Told] = []

    def judge(told):
        seen.extend(told)
        return Verdict("7 things", ["one misses its bar"] if told[0].values["things"] < 8 else [])

    bar = "import sys; print('50%', end='', file=sys.stderr, flush=True); "
    first = check(1, bar + "print('words'); print('{\"things\": 7}')", "print('no object')", judge=judge)
    results = run([first, check(2, "pass")], tmp_path)
    assert [(r.number, r.status, r.words) for r in results] == [
        (1, "missed", "7 things; one misses its bar"),
        (2, "passed", "fine"),
    ]
    assert [told.values for told in seen] == [{"things": 7}, {}]
    assert read_results(tmp_path / "results.jsonl") == results
    assert "words" in (tmp_path / "1" / "1.out").read_text()
    assert {r.device for r in results} == {"A GPU"}


def test_a_failure_names_its_command_and_the_next_check_is_run(tmp_path):
    broken = check(1, "import sys; print('words'); sys.exit('what is wrong')", "open('never', 'w')")
    unjudged = check(2, "pass", judge=lambda told: told[0].values["missing"])
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "2.log").write_text("of an earlier run")
    first, second, third = run([broken, unjudged, check(3, "pass")], tmp_path)
    assert first.status == "failed"
    assert "exit 1, what is wrong" in first.words
    assert not (tmp_path / "1" / "2.log").exists()
    assert (second.status, "missing" in second.words) == ("failed", True)
    assert third.status == "passed"


@pytest.mark.skipif(os.name == "nt", reason="groups of processes as on POSIX")
def test_a_check_that_takes_too_long_is_ended_with_all_it_has_started(tmp_path, monkeypatch):
    mark = tmp_path / "child"
    child = f"import time, os; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    wait = subprocess.Popen.wait
    waited = []

    def until_started(self, timeout=None):
        """The time is over when the child is there, however long a busy machine takes for that."""
        if self.args[-1] != code or waited:
            return wait(self, timeout)
        waited.append(timeout)
        while not (mark.exists() and mark.read_text()):
            time.sleep(0.01)
        raise subprocess.TimeoutExpired(self.args, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", until_started)
    (result,) = run([check(1, "pass", code, minutes=2)], tmp_path)
    assert (result.status, "command 2" in result.words) == ("stopped", True)
    assert 0 < waited[0] <= 120
    number = int(mark.read_text())
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True).stdout
        if not state.strip() or state.startswith("Z"):
            break
        time.sleep(0.05)
    else:
        pytest.fail("a child is left")


def test_only_what_fits_into_the_budget_is_begun(tmp_path):
    now = [0.0]

    def takes(minutes):
        def judge(told):
            now[0] += 60 * minutes
            return Verdict("fine")

        return judge

    checks = [
        check(1, "pass", minutes=4, judge=takes(3)),
        check(2, "pass", minutes=8),
        check(3, "pass", minutes=5, judge=takes(5)),
        check(4, "pass", minutes=3),
    ]
    results = run(checks, tmp_path, minutes=10, clock=lambda: now[0])
    assert [r.status for r in results] == ["passed", "not run", "passed", "not run"]
    assert results[1].words == "it may take 8 min, and 7.0 were left"


def test_a_rehearsal_judges_nothing(tmp_path):
    checks = [check(1, "pass", judge=lambda told: Verdict("slow", ["all of it"])), check(2, "import sys; sys.exit(1)")]
    assert [r.status for r in run(checks, tmp_path, tiny=True)] == ["rehearsed", "failed"]


def test_results_go_into_the_document_and_its_text_stays():
    checks = [check(1, minutes=2.5), check(2), check(10)]
    old = Result(1, "missed", "too slow", "H200", "2026-01-01", 3.2)
    results = [old, replace(old, status="passed", words="fast " * 30), replace(old, number=2, status="rehearsed")]
    results += [replace(old, status="not run"), replace(old, number=10, status="stopped", words="after 1 min")]
    rendered = render(DOCUMENT, checks, results)
    assert (
        "   - stays.\n   - bar: a bar; at most 2.5 min.\n   - result: passed on 2026-01-01, H200, in 3 s: fast"
        in rendered
    )
    assert "2. **Two.** `command`\n   - bar: a bar; at most 1 min.\n   - result: not run yet.\n10. " in rendered
    assert "10. **Ten.** Text.\n    - bar: a bar; at most 1 min.\n    - result: stopped on" in rendered
    assert max(map(len, rendered.splitlines())) <= gpu_checks.WIDTH
    assert "or so" not in rendered
    assert render(rendered, checks, results) == rendered
    assert rendered.count("\n\n2. ") == 1
    with pytest.raises(ValueError, match="no entry 3"):
        render(DOCUMENT, [check(3)], [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("words {not one}\n", {}),
        ('{"a": 1}\n{\n  "a": {\n"b": 2}\n}\n', {"a": {"b": 2}}),
        ('{"a": 1}\nafterwards\n', {"a": 1}),
    ],
)
def test_the_last_object_is_what_counts(text, found):
    assert last_object(text) == found


def test_all_entries_of_the_document_fit_into_half_an_hour():
    numbers = re.findall(r"^(\d+)\. ", gpu_checks.DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(int(number) for number in numbers) == sorted(c.number for c in CHECKS) == list(range(1, 12))
    assert sum(c.minutes for c in CHECKS) <= gpu_checks.BUDGET


def test_the_document_tells_the_bars_that_are_judged():
    text = gpu_checks.DOCUMENT.read_text(encoding="utf-8")
    told = re.findall(r"^ +- bar: (.*?); at most ([\d.]+) min\.$", text, re.MULTILINE)
    assert {c.bar: f"{c.minutes:g}" for c in CHECKS} == dict(told)


@pytest.mark.parametrize("tiny", [False, True])
@pytest.mark.parametrize("number", range(1, 12))
def test_every_command_names_what_is_there(tmp_path, number, tiny):
    (one,) = [c for c in CHECKS if c.number == number]
    commands = one.commands(Place(tmp_path, "cpu" if tiny else "cuda", tiny))
    assert commands
    for command in commands:
        assert command[0] == sys.executable
        files = [word for word in command if word.startswith(str(ROOT))]
        assert [word for word in files if not Path(word).exists()] == []
        assert ("cuda" in command) <= (not tiny)


def test_without_a_gpu_it_says_so_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu_checks, "gpu", lambda: ("", ""))
    assert main(["--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "gpu_checks: no GPU here; --rehearse runs the same at tiny size on the CPU\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 7])
def test_a_check_is_rehearsed(tmp_path, number):
    before = gpu_checks.DOCUMENT.read_bytes()
    assert main(["--rehearse", "--only", str(number), "--out", str(tmp_path)]) == 0
    (line,) = (tmp_path / "rehearsal" / "results.jsonl").read_text().splitlines()
    assert json.loads(line)["status"] == "rehearsed"
    assert gpu_checks.DOCUMENT.read_bytes() == before
