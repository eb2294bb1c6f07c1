"""Options of the whole test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from celldsl.runtime.threads import thread_count as threads
from tests.tenth import commit, tenth

# A busy machine is slow in drawing examples, and that is no failure of ours.
SLOW = [HealthCheck.too_slow]
settings.register_profile("any machine", deadline=None, suppress_health_check=SLOW)
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew", action="store_true", help="write the expected files anew")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(
        f"slow tests of cells: tenth {tenth()} (0-9), by commit {commit()[:12]}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Workers keep to runs of neighbours, which share compiled cells."""
    if config.pluginmanager.hasplugin("xdist") and config.option.dist == "load":
        config.option.dist = "worksteal"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long sweeps run where `-m` asks for them, or where they are named."""
    named = any("::" in argument for argument in config.args)
    if config.option.markexpr or named:
        return
    slow = [
        item
        for item in items
        if item.get_closest_marker("slow") and not item.get_closest_marker("tenth")
    ]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in slow]


@pytest.fixture
def renew(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--renew"))


@pytest.fixture
def small_work_shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As many threads as are set, whatever the size; afterwards as many as before."""
    before = threads.get_threads()
    monkeypatch.setattr(threads, "SMALL_WORK", 0)
    yield
    threads.set_threads(before)
