"""No page names a person, a host or a folder of theirs."""

from __future__ import annotations

import os
import sys
import tempfile

import pytest

from quiver.doctor.private import shorten, without_private

HOME = os.path.join(os.sep, "home", "zaphod b")


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.setenv("USERPROFILE", HOME)


def path(*parts):
    return os.path.join(*parts)


def test_below_a_home_nothing_is_told_but_that():
    assert shorten(path(HOME, "clients", "acme bank", "x.so")) == "~"


def test_in_an_environment_the_layout_of_python_stays():
    told = shorten(path(sys.prefix, "lib", "site-packages", "quiver"))
    assert told == path("<environment>", "lib", "site-packages", "quiver")


def test_an_environment_below_a_home_is_an_environment(monkeypatch):
    monkeypatch.setattr(sys, "prefix", path(HOME, "acme", ".venv"))
    told = shorten(path(sys.prefix, "lib", "x.py"))
    assert told == path("<environment>", "lib", "x.py")


def test_temporary_folders_and_others_are_kinds():
    assert shorten(path(tempfile.gettempdir(), "zaphod", "x")) == "<temporary>"
    assert shorten(path(os.sep, "scratch", "zaphod")) == "<elsewhere>"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cannot open {}: no such file", "cannot open ~: no such file"),
        ("[Errno 13] denied: '{}'", "[Errno 13] denied: '~'"),
        ("file:{}, then", "file:~, then"),
        ("NUMBA_CACHE_DIR={}", "NUMBA_CACHE_DIR=~"),
    ],
)
def test_paths_inside_of_sentences_go_too(text, told):
    assert shorten(text.format(path(HOME, "acme"))) == told


@pytest.mark.parametrize(
    "text",
    [
        "pip install 'quiver-ann[numba]'",
        "quiver/backends/_simd and 3 of 4/5",
        "see https://example.org/a/b",
        "~",
        "",
    ],
)
def test_what_is_no_path_of_a_person_stays(text):
    assert shorten(text) == text


def test_paths_of_windows_are_paths_everywhere():
    assert shorten(r"DLL C:\Users\zaphod\x.dll: failed") == "DLL <elsewhere>: failed"
    assert shorten(r"\\server\zaphod") == "<elsewhere>"


def test_a_home_that_is_the_root_takes_nothing_with_it(monkeypatch):
    monkeypatch.setenv("HOME", os.sep)
    monkeypatch.setenv("USERPROFILE", os.sep)
    assert shorten(path(os.sep, "opt", "x")) == "<elsewhere>"
    assert shorten("a/b") == "a/b"


def test_all_of_a_document_is_gone_through():
    document = {"a": [path(HOME, "x"), 3, None], "b": {"c": (path(HOME, "y"), True)}}
    assert without_private(document) == {"a": ["~", 3, None], "b": {"c": ["~", True]}}
