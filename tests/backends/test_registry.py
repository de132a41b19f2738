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
    loading,
    register_backend,
    registry,
)
from quiver.backends.reference_backend import ReferenceBackend
from quiver.backends.targets import TARGETS
from quiver.errors import (
    BackendUnavailableError,
    InvalidArgumentError,
    InvalidTypeError,
    SlowBackendWarning,
)

BUILTINS = registry.BUILTINS


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a test register names, find plug-ins and set variables, then undo it."""
    monkeypatch.setattr(registry, "_loaders", dict(registry._loaders))
    monkeypatch.delenv("QUIVER_BACKEND", raising=False)
    loading.plugin_loaders.cache_clear()
    registry._warn_of_the_slowest.cache_clear()
    yield
    loading.plugin_loaders.cache_clear()


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
    assert tuple(name for name in names if name in BUILTINS) == BUILTINS
    assert names[-1] == "reference", "the slowest is the last resort of auto"
    assert BUILTINS.index("cython-avx2") < BUILTINS.index("cython-scalar")


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
        registry, "_loaders", {"dead": fail_to_load, "alive": ReferenceBackend}
    )
    assert get_backend("auto").name == "reference"


def test_auto_warns_once_when_only_the_slowest_is_left(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"fast": fail_to_load, "faster": fail_to_load}
    loaders = {**others, "reference": ReferenceBackend}
    monkeypatch.setattr(registry, "_loaders", loaders)
    with pytest.warns(SlowBackendWarning) as caught:
        get_backend("auto")
    (warning,) = caught
    message = str(warning.message)
    assert "(fast, faster: no GPU)" in message
    assert "Remedy: pip install 'quiver-ann[numba]'" in message
    assert warning.filename == __file__
    # Warnings are errors here, so a second one would fail.
    get_backend("auto")


def test_the_slowest_is_used_without_a_warning_where_it_is_named(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaders = {"dead": fail_to_load, "reference": ReferenceBackend}
    monkeypatch.setattr(registry, "_loaders", loaders)
    get_backend("reference")
    monkeypatch.setenv("QUIVER_BACKEND", "reference")
    get_backend("auto")


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
    for unset in ("auto", "", " "):
        monkeypatch.setenv("QUIVER_BACKEND", unset)
        assert get_backend("auto") is get_backend(next_available())
        assert registry.default_name() == next_available()


def next_available() -> str:
    return next(info.name for info in list_backends() if info.available)


def test_an_absent_backend_named_by_the_environment_is_an_error(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_backend("dead", fail_to_load)
    monkeypatch.setenv("QUIVER_BACKEND", "dead")
    with pytest.raises(BackendUnavailableError, match="no GPU"):
        get_backend("auto")


@pytest.mark.parametrize("ask", [get_backend, registry.default_name])
@pytest.mark.parametrize("wrong", ["dead", "nomba"])
def test_what_the_environment_causes_names_the_variable(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch, ask: Any, wrong: str
) -> None:
    register_backend("dead", fail_to_load)
    monkeypatch.setenv("QUIVER_BACKEND", wrong)
    expected = BackendUnavailableError if wrong == "dead" else InvalidArgumentError
    with pytest.raises(expected, match="environment variable QUIVER_BACKEND"):
        ask()


def test_auto_stands_for_the_same_name_with_and_without_loading(
    fresh_registry: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.default_name() == get_backend().name
    monkeypatch.setenv("QUIVER_BACKEND", "reference")
    assert registry.default_name() == get_backend().name == "reference"


def test_listing_compiles_nothing(tmp_path: Path) -> None:
    # A numba that cannot compile is a numba that nobody asked to.
    (tmp_path / "numba.py").write_text("")
    code = (
        f"import sys; sys.path[:0] = {[str(tmp_path), *sys.path]!r}\n"
        "import quiver\n"
        "from quiver.backends import registry\n"
        "names = [info.name for info in quiver.list_backends() if info.available]\n"
        "assert 'numba' in names, names\n"
        "assert registry.default_name() in names\n"
        "assert 'quiver.backends.numba_backend' not in sys.modules\n"
    )
    run_python(code)


def test_a_numba_that_cannot_be_imported_is_listed_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('needs an older NumPy')")
    code = (
        f"import sys; sys.path[:0] = {[str(tmp_path), *sys.path]!r}\n"
        "import quiver\n"
        "(info,) = [i for i in quiver.list_backends() if i.name == 'numba']\n"
        "assert not info.available and 'needs an older NumPy' in info.reason\n"
    )
    run_python(code)


def run_python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class Halved:
    """A backend whose author is half done."""

    name = "halved"
    encode = quantize = distance = staticmethod(fail_to_load)


@pytest.mark.parametrize(
    ("loader", "reason"),
    [
        (
            Halved,
            "Halved lacks target, prune, merge, search, search_radius, scan, rerank",
        ),
        (lambda: None, "NoneType lacks name, target, encode, quantize, distance, "),
        (lambda: ReferenceBackend, "returned the class ReferenceBackend, not an obj"),
    ],
)
def test_an_incomplete_backend_is_refused_on_first_use_with_what_it_lacks(
    fresh_registry: None, loader: Any, reason: str
) -> None:
    register_backend("incomplete", loader)
    with pytest.raises(BackendUnavailableError, match=reason):
        get_backend("incomplete")
    assert reason in info_of("incomplete").reason


@pytest.mark.parametrize("loader", [ReferenceBackend(), None, "numba"])
def test_what_cannot_be_called_cannot_be_registered(
    fresh_registry: None, loader: Any
) -> None:
    with pytest.raises(InvalidTypeError, match="loader must be a callable"):
        register_backend("mine", loader)
    with pytest.raises(InvalidArgumentError, match="'mine'"):
        get_backend("mine")


@pytest.mark.parametrize("name", [None, 3, ["numba"]])
def test_a_name_of_another_type_is_answered_with_the_known_ones(name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="backend must be one of auto"):
        get_backend(name)


def test_every_target_is_a_backend_of_its_own() -> None:
    names = [f"cython-{target.name}" for target in TARGETS]
    assert list(BUILTINS) == [*names, "numba", "reference"]
    for name in names:
        if info_of(name).available:
            backend = get_backend(name)
            assert (backend.name, backend.target) == (name, name.split("-")[1])


def test_a_processor_without_the_instructions_is_told_which() -> None:
    pytest.importorskip("quiver.backends._simd.bindings", reason="needs the kernels")
    for target in TARGETS:
        name = f"cython-{target.name}"
        if not info_of(name).available:
            reason = info_of(name).reason
            lacking = [f for f in target.features if reason.endswith(f"lacks {f}")]
            assert lacking or "compiled without this target" in reason


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
    run_python(code)
