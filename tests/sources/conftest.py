"""The fixture that lays inputs."""

from pathlib import Path

import pytest

from pipeline.config import StoreConfig
from tests.sources.place import Place


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place(StoreConfig(uri=str(tmp_path / "corpus")))
    endpoint_url = request.getfixturevalue("s3_endpoint")
    return Place(StoreConfig(uri=f"s3://{request.getfixturevalue('s3_bucket')}/corpus", endpoint_url=endpoint_url))
