"""Joining a cluster that is not there is told at once."""

import socket

import pytest

from pipeline.cluster import connect
from pipeline.errors import ClusterError


def test_a_cluster_where_nothing_answers_is_not_waited_for() -> None:
    """Ray itself tries for more than ten minutes, with a warning every few seconds."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ClusterError, match=f"no Ray cluster answers at {address}"):
            connect(address, num_cpus=1, object_store_bytes=0)
