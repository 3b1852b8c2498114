"""One small Ray for all tests of the spine that need one; it is gone before other folders' tests begin."""

import pytest


@pytest.fixture(scope="package")
def ray_cluster():
    import ray

    # "local": a cluster that happens to run on this machine is not ours to use.
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="mathpipe",
        object_store_memory=10**8,
    )  # fmt: skip
    yield ray
    ray.shutdown()
