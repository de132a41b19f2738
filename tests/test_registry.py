"""Names to backends: lazy, explicit, and robust against what others install."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quiver.backends import (
    Backend,
    BackendInfo,
    get_backend,
    list_backends,
    register_backend,
    registry,
)
from quiver.backends.reference_backend import ReferenceBackend
from quiver.errors import BackendUnavailableError, InvalidArgumentError

BUILTINS = ("cython-avx512", "cython-avx2", "cython-scalar", "numba", "reference")


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test register names, find plug-ins and set variables, then undo it."""
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    monkeypatch.delenv("QUIVER_BACKEND", raising=False)
    registry._plugin_loaders.cache_clear()
    yield
    registry._plugin_loaders.cache_clear()


@pytest.fixture
def plugin_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution with one good and one broken plug-in."""
    metadata = tmp_path / "quiver_plugin-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: quiver-plugin\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[quiver.backends]\n"
        "borrowed = quiver_plugin:load\n"
        "broken = quiver_plugin_missing:load\n"
        "refusing = quiver_plugin:refuse\n"
    )
    (tmp_path / "quiver_plugin.py").write_text(
        "from quiver.backends.reference_backend import ReferenceBackend\n"
        "class Borrowed(ReferenceBackend):\n"
        "    name = 'borrowed'\n"
        "def load(): return Borrowed()\n"
        "def refuse(): raise OSError('no such device')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def info_of(name: str) -> BackendInfo:
    return next(info for info in list_backends() if info.name == name)


def test_builtins_are_listed_fastest_first() -> None:
    names = [info.name for info in list_backends()]
    assert set(names) >= set(BUILTINS)
    assert names[-1] == "reference", "the slowest is the last resort of auto"


def test_reference_is_always_available() -> None:
    assert info_of("reference") == BackendInfo("reference", True, "")


def test_backends_know_their_registered_name(backend: Backend) -> None:
    assert get_backend(backend.name) is backend
    assert backend.target


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        get_backend("nomba")
    for name in ("'nomba'", "auto", *BUILTINS):
        assert name in str(caught.value)


def test_auto_takes_the_first_that_is_available(fresh_registry: None) -> None:
    first = next(info.name for info in list_backends() if info.available)
    assert get_backend().name == first
    assert get_backend("auto").name == first


def test_auto_passes_over_what_cannot_run(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        registry, "_loaders", {"dead": fail_to_load, "reference": ReferenceBackend}
    )
    assert get_backend("auto").name == "reference"


def test_a_named_backend_never_falls_back(fresh_registry: None) -> None:
    register_backend("dead", fail_to_load)
    with pytest.raises(BackendUnavailableError, match="'dead' cannot run here: no GPU"):
        get_backend("dead")
    info = info_of("dead")
    assert not info.available
    assert "no GPU" in info.reason


def fail_to_load() -> Any:
    msg = "no GPU"
    raise RuntimeError(msg)


def test_the_environment_is_read_when_auto_is_resolved(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUIVER_BACKEND", "reference")
    assert get_backend("auto").name == "reference"
    monkeypatch.setenv("QUIVER_BACKEND", "nomba")
    with pytest.raises(InvalidArgumentError, match="nomba"):
        get_backend("auto")
    assert get_backend("reference").name == "reference", "a name is not overruled"
    monkeypatch.setenv("QUIVER_BACKEND", "auto")
    assert get_backend("auto") is get_backend(next_available())


def next_available() -> str:
    return next(info.name for info in list_backends() if info.available)


def test_an_absent_backend_named_by_the_environment_is_an_error(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_backend("dead", fail_to_load)
    monkeypatch.setenv("QUIVER_BACKEND", "dead")
    with pytest.raises(BackendUnavailableError, match="no GPU"):
        get_backend("auto")


def test_a_loader_runs_on_first_use_and_once(fresh_registry: None) -> None:
    calls: list[str] = []

    def load() -> Backend:
        calls.append("loaded")
        return ReferenceBackend()

    register_backend("counted", load)
    assert not calls
    assert get_backend("counted") is get_backend("counted")
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["auto", "reference", "numba"])
def test_a_taken_name_cannot_be_registered(fresh_registry: None, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="must not be registered yet"):
        register_backend(name, ReferenceBackend)


def test_plugins_are_found_by_their_entry_point(
    fresh_registry: None, plugin_path: Path
) -> None:
    backend = get_backend("borrowed")
    assert backend.name == "borrowed"
    assert isinstance(backend, Backend)
    assert info_of("borrowed").available


def test_a_broken_plugin_is_reported_and_breaks_no_other(
    fresh_registry: None, plugin_path: Path
) -> None:
    assert "quiver_plugin_missing" in info_of("broken").reason
    assert "no such device" in info_of("refusing").reason
    assert info_of("borrowed").available
    assert info_of("reference").available
    with pytest.raises(BackendUnavailableError, match="no such device"):
        get_backend("refusing")


def test_plugins_are_not_imported_to_choose_a_builtin(plugin_path: Path) -> None:
    code = (
        f"import sys; sys.path[:0] = {[str(plugin_path), *sys.path]!r}\n"
        "import quiver\n"
        "quiver.get_backend('reference')\n"
        "assert 'quiver_plugin' not in sys.modules\n"
        "quiver.get_backend('borrowed')\n"
        "assert 'quiver_plugin' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
