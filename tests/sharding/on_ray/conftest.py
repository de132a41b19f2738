"""A Ray cluster of this machine for the tests of a session, and what lives on it."""

from __future__ import annotations

import contextlib
import os

import pytest

# Ray reads them when it is imported. The token is not that of whoever runs the tests.
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = os.urandom(32).hex()


@pytest.fixture(scope="session")
def ray(tmp_path_factory):
    """Return Ray with a cluster of two processors, which asks for a token."""
    ray = pytest.importorskip("ray", reason="needs the extra `ray`; see `make ray`")
    # Workers import from the folder where Ray is started: there the checkout, which has
    # no kernels, would hide what is installed.
    with contextlib.chdir(tmp_path_factory.mktemp("driver")):
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=100_000_000,
            log_to_driver=False,
            logging_level="ERROR",
        )
    yield ray
    ray.shutdown()


@pytest.fixture
def full(ray):
    """Have somebody else hold every processor of the cluster during a test."""
    group = ray.util.placement_group([{"CPU": 2}])
    assert group.wait(60)
    yield
    ray.util.remove_placement_group(group)
