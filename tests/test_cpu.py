"""Cores, quotas and threads, on control groups and processors that are written down here."""

import subprocess
import sys
from pathlib import Path

import pytest

from emo import cpu
from emo.cli.arguments import pick_dtype

TRAIN = Path(__file__).parents[1] / "train"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """`machine(groups, files, cores=8)`: what /proc and /sys say."""

    def build(groups: str, files: dict[str, str], cores: int = 8) -> None:
        (tmp_path / "membership").write_text(groups)
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        monkeypatch.setattr(cpu, "CGROUPS", tmp_path)
        monkeypatch.setattr(cpu, "MEMBERSHIP", tmp_path / "membership")
        monkeypatch.setattr(cpu, "visible_cores", lambda: cores)

    return build


V1 = "4:memory:/job\n3:cpu,cpuacct:/docker/job\n2:cpuset:/job\n"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {}, 8),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 8),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "6400000 100000\n"}, 8),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, 3),
        ("0::/of/the/host\n", {"cpu.max": "300000 100000\n"}, 3),
        (V1, {"cpu,cpuacct/docker/job/cpu.cfs_quota_us": "-1", "cpu,cpuacct/docker/job/cpu.cfs_period_us": "9"}, 8),
        (V1, {"cpu,cpuacct/docker/cpu.cfs_quota_us": "50000", "cpu,cpuacct/docker/cpu.cfs_period_us": "10000"}, 5),
        (V1, {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "25000\n"}, 2),
        (V1, {"memory/job/cpu.max": "100000 100000"}, 8),
        (V1 + "0::/x\n", {"unified/x/cpu.max": "400000 100000"}, 4),
    ],
)
def test_a_quota_counts_as_cores(machine, groups, files, cores):
    machine(groups, files)
    assert cpu.available_cores() == cores


def test_here_there_is_at_least_a_core():
    assert 1 <= cpu.available_cores() <= cpu.visible_cores()


@pytest.mark.parametrize(
    ("before", "quota", "after"),
    [
        ({}, "max", {"GOMP_SPINCOUNT": "1000"}),
        ({}, "200000", {"GOMP_SPINCOUNT": "1000", "OMP_NUM_THREADS": "2"}),
        ({"OMP_NUM_THREADS": "7"}, "200000", {"GOMP_SPINCOUNT": "1000", "OMP_NUM_THREADS": "7"}),
        ({"GOMP_SPINCOUNT": "infinite"}, "max", {"GOMP_SPINCOUNT": "infinite"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "max", {"OMP_WAIT_POLICY": "ACTIVE"}),
    ],
)
def test_threads_are_chosen_but_for_what_the_user_has(machine, before, quota, after):
    machine("0::/\n", {"cpu.max": f"{quota} 100000\n"})
    environment = dict(before)
    cpu.prepare_threads(environment)
    assert environment == after


@pytest.mark.parametrize(
    ("text", "device", "dtype"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16\n", "cpu", "bfloat16"),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", "cpu", "bfloat16"),
        ("Features\t: fp asimd bf16\n", "cpu", "bfloat16"),
        ("flags\t\t: fpu avx2 avx512f\n", "cpu", "float32"),
        ("", "cpu", "float32"),
        ("flags\t\t: fpu avx512_bf16\n", "mps", "float16"),
    ],
)
def test_bfloat16_is_chosen_where_the_processor_has_it(monkeypatch, tmp_path, text, device, dtype):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{text}")
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "cpuinfo")
    assert str(pick_dtype("auto", device)) == f"torch.{dtype}"
    assert str(pick_dtype("float32", device)) == "torch.float32"


def test_a_system_that_says_nothing_has_no_bfloat16(monkeypatch, tmp_path):
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "none")
    assert not cpu.has_bfloat16()


@pytest.mark.parametrize(
    ("program", "chosen"),
    [
        ("import emo, emo.cli.main", ""),
        ("import emo.entry", "1000"),
        ("import contextlib, emo.cli.main as m\nwith contextlib.suppress(SystemExit): m.main(['--version'])", "1000"),
    ],
)
def test_programs_choose_before_torch_is_loaded_and_the_library_does_not(program, chosen):
    code = f"{program}\nimport os, sys\nassert 'torch' not in sys.modules\nprint(os.environ.get('GOMP_SPINCOUNT', ''))"
    result = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == chosen


def test_every_training_script_chooses_first():
    scripts = [path for path in TRAIN.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")]
    late = []
    for path in scripts:
        lines = path.read_text(encoding="utf-8").splitlines()
        first = next(line for line in lines if line.startswith(("import ", "from ")))
        late += [] if first.startswith("import emo.entry") else [path.name]
    assert scripts
    assert late == []
