"""A credential that expires in the middle of a real build: a clear stop, and the same command goes on."""

import os
from pathlib import Path

import pytest

from jobs.drills.proxy import FaultProxy, NetworkFault, Request
from pipeline.config import StoreConfig
from pipeline.publishing.verify import verify
from pipeline.store import open_store
from tests.test_cluster import NUM_PAGES, pagemill


@pytest.mark.ray
@pytest.mark.s3
@pytest.mark.slow
def test_a_build_whose_credential_expires_stops_with_advice_and_goes_on_when_it_is_renewed(
    small_corpus: Path, tmp_path: Path, s3_endpoint: str, s3_bucket: str
) -> None:
    pages_put: list[str] = []
    renewed = [False]

    def strike(request: Request) -> NetworkFault | None:
        if pages_put and not renewed[0]:
            return "expired_token"
        if request.verb == "PUT" and "/pages/" in request.path:
            pages_put.append(request.path)
        return None

    proxy = FaultProxy(s3_endpoint, strike, hang_s=1.0)
    config = tmp_path / "config.yaml"
    config.write_text(
        "engine: {name: scripted}\nplan: {shard_documents: 1}\n"
        f"input: {{uri: '{small_corpus}'}}\noutput: {{uri: 's3://{s3_bucket}/books', endpoint_url: '{proxy.url}'}}\n"
    )
    home = Path(f"/tmp/pme{os.getpid()}")
    home.mkdir()
    try:
        build = pagemill("build", str(config), home=home)
        _, complained = build.communicate(timeout=120)
        assert build.returncode == 1, complained
        assert "the credential was refused (ExpiredToken); renew it" in complained
        assert "what is committed stays, the same command goes on from there" in complained
        renewed[0] = True
        build = pagemill("build", str(config), home=home)
        said, complained = build.communicate(timeout=120)
        assert build.returncode == 0, complained
        assert "6 of 6 accounted for" in said
    finally:
        proxy.close()
    report = verify(open_store(StoreConfig(uri=f"s3://{s3_bucket}/books", endpoint_url=s3_endpoint)), "main")
    assert (report.findings, report.num_pages, report.builds[0].num_documents_quarantined) == ((), NUM_PAGES, 0)
