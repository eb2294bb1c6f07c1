"""How many threads: quotas of containers, and which variables rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from celldsl.jit import cores as cores_file
from celldsl.jit import translation
from celldsl.jit.cores import available_cores, cpu_quota
from tests.places.place import FORBIDS, run, said

SECOND = "0::{group}\n"
FIRST = "4:memory:/x\n3:cpu,cpuacct:{group}\n0::/\n"
MOUNT_2 = "31 24 0:27 {inside} /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n"
MOUNT_1 = (
    "24 20 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "32 25 0:29 {inside} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 25 0:30 /x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def system(root: Path, version: int, group: str, inside: str, limits: dict[str, str]) -> Path:
    """What Linux shows: `limits` are quota and period by the folder below the mount."""
    (root / "proc/self").mkdir(parents=True)
    groups, mount = (FIRST, MOUNT_1) if version == 1 else (SECOND, MOUNT_2)
    (root / "proc/self/cgroup").write_text(groups.format(group=group))
    (root / "proc/self/mountinfo").write_text(mount.format(inside=inside))
    top = root / ("sys/fs/cgroup/cpu,cpuacct" if version == 1 else "sys/fs/cgroup")
    top.mkdir(parents=True)
    for below, limit in limits.items():
        folder = top / below
        folder.mkdir(parents=True, exist_ok=True)
        if version == 2:
            (folder / "cpu.max").write_text(f"{limit}\n")
        else:
            for name, number in zip(("quota", "period"), limit.split(), strict=True):
                (folder / f"cpu.cfs_{name}_us").write_text(f"{number}\n")
    return root


CASES = [
    (2, "/", "/", {"": "50000 100000"}, 0.5),
    (2, "/", "/", {"": "max 100000"}, None),
    (2, "/pod/own", "/", {"pod": "150000 100000", "pod/own": "max 100000"}, 1.5),
    (2, "/pod/own", "/", {"pod": "150000 100000", "pod/own": "100000 100000"}, 1.0),
    (1, "/docker/ab", "/docker/ab", {"": "200000 100000"}, 2.0),
    (1, "/docker/ab", "/", {"": "-1 100000", "docker/ab": "25000 100000"}, 0.25),
    (1, "/elsewhere", "/docker/ab", {"": "300000 100000"}, 3.0),
    (1, "/", "/", {"": "-1 100000"}, None),
    (2, "/", "/", {"": "nonsense"}, None),
]


@pytest.mark.parametrize(("version", "group", "inside", "limits", "cores"), CASES)
def test_quotas(
    version: int, group: str, inside: str, limits: dict[str, str], cores: float | None,
    tmp_path: Path,
) -> None:  # fmt: skip
    assert cpu_quota(system(tmp_path, version, group, inside, limits)) == cores


def test_other_systems_have_none(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.parametrize(("quota", "threads"), [(0.5, 1), (1.5, 1), (2.0, 2), (None, 8), (64.0, 8)])
def test_half_a_core_is_one_thread(
    quota: float | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores_file, "cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.delenv("CELLDSL_NUM_THREADS", raising=False)
    assert available_cores() == translation.threads() == threads


COUNT = "import celldsl; print(celldsl.get_threads())"


def test_a_real_group_counts(tmp_path: Path) -> None:
    """The folder is one that Linux makes, for this process alone, and takes away again."""
    group = Path("/sys/fs/cgroup/cpu") / f"celldsl-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip(f"to make a group: {FORBIDS}")
    try:
        (group / "cpu.cfs_quota_us").write_text("100000")
        enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
        assert said(run(enter + COUNT, tmp_path)) == "1"
    finally:
        group.rmdir()


def test_celldsl_num_threads_rules_and_omp_num_threads_does_not(tmp_path: Path) -> None:
    without = said(run(COUNT, tmp_path))
    assert said(run(COUNT, tmp_path, OMP_NUM_THREADS="7")) == without
    both = {"OMP_NUM_THREADS": "7", "CELLDSL_NUM_THREADS": "3"}
    assert said(run(COUNT, tmp_path, **both)) == "3"
