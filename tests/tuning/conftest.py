import os

import pytest


@pytest.fixture(scope="session")
def cluster():
    """One small Ray for all tests that need one."""
    ray = pytest.importorskip("ray")
    from raypose.tuning.ray_run import ENVIRONMENT

    os.environ.update(ENVIRONMENT)
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()
