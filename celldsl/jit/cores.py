"""How much of the processor this process may use.  In: what the system says.  Out: cores.

    available_cores()           # 1
    cpu_quota()                 # 0.5: half a core; None where there is no limit
    threads_asked_for()         # "4": what CELLDSL_NUM_THREADS says; "" where it says nothing

A quota is a share of time, set for a group of processes (`cgroup`): `docker run --cpus 0.5`, or a
limit of Kubernetes.  All cores are seen there.  More threads than the quota has cores would use it
up early in each period of time, and then all stand still for the rest of it.  The limits of all
groups around a process hold; version 1 and 2 of the interface say them in other files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def available_cores() -> int:
    """The cores that this process may use, whole ones: half a core is one thread."""
    here = hasattr(os, "sched_getaffinity")
    own = len(os.sched_getaffinity(0)) if here else os.cpu_count() or 1
    quota = cpu_quota()
    return own if quota is None else max(1, min(own, int(quota)))


def threads_asked_for() -> str:
    """The text of CELLDSL_NUM_THREADS, which need be no number."""
    return os.environ.get("CELLDSL_NUM_THREADS", "").strip()


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The least quota of the groups that this process is in."""
    try:
        found = [quota for folder in _folders(root) for quota in _quotas(folder)]
    except (OSError, ValueError):
        return None
    return min(found, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """Those of the process's groups that may limit its time, and of the groups around them."""
    groups = {}
    for line in (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        number, controllers, group = line.split(":", 2)
        groups.update(dict.fromkeys([""] if number == "0" else controllers.split(","), group))
    for kind, mounted, inside, place in _mounts(root):
        own = groups.get("" if kind == "cgroup2" else "cpu")
        if own is None or (kind == "cgroup" and "cpu" not in mounted):
            continue
        # The mount may show a part of all groups: the one that a container sees as the whole.
        below = own.removeprefix(inside) if own.startswith(inside) else ""
        top = root / place.lstrip("/")
        folder = top / below.strip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(top))


def _mounts(root: Path) -> Iterator[tuple[str, list[str], str, str]]:
    """(kind, controllers, the group that is shown, where) of each mount of groups."""
    for line in (root / "proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        own, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            inside, place = own.split(" ")[3:5]
            yield kind, options.rpartition(" ")[2].split(","), inside.rstrip("/"), place


def _quotas(folder: Path) -> Iterator[float]:
    together = folder / "cpu.max"  # version 2: "50000 100000", "max 100000"
    apart = folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us"  # version 1
    if together.is_file():
        quota, period = together.read_text(encoding="ascii").split()
    elif all(file.is_file() for file in apart):
        quota, period = (file.read_text(encoding="ascii").strip() for file in apart)
    else:
        return
    if quota not in ("max", "-1") and float(period) > 0:
        yield float(quota) / float(period)
