"""A config that holds a secret is refused, and the error does not repeat it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import build, plan
from pipeline.config import BuildConfig, load_config, parse_config
from pipeline.config.addresses import refuse_credentials, without_secrets
from pipeline.errors import ConfigError, SourceError
from pipeline.records import DocumentRef
from pipeline.sources import open_source

SECRET = "wJalrXUtnFEMI"
ADDRESSES = (
    f"https://user:{SECRET}@store.example/books",
    f"s3://AKIAEXAMPLE:{SECRET}@bucket/books",
    f"s3://AKIAEXAMPLE:a/b+{SECRET}@bucket/books",
    f"s3://{SECRET}@bucket/books",
    f"https://bucket.s3.amazonaws.com/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={SECRET}",
    f"bucket.s3.amazonaws.com/a.pdf?X-Amz-Signature={SECRET}",
    f"https://bucket.s3.amazonaws.com/a.pdf?AWSAccessKeyId=AKIA&Signature={SECRET}&Expires=1",
    f"https://account.blob.core.windows.net/c/a.pdf?sv=2024&sig={SECRET}",
    f"s3://bucket/a.pdf?x-amz-security-token={SECRET}",
)


def config_with(**output: object) -> BuildConfig:
    return parse_config({"input": {"uri": "/corpus"}, "output": {"uri": "s3://bucket/books", **output}})


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_a_credential_is_refused_wherever_it_stands(address: str) -> None:
    for values in (
        {"input": {"uri": address}, "output": {"uri": "/out"}},
        {"input": {"uri": "/corpus"}, "output": {"uri": address}},
        {"input": {"uri": "/corpus"}, "output": {"uri": "s3://b/x", "endpoint_url": address}},
    ):
        with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY") as refused:
            parse_config(values)
        assert SECRET not in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_list_with_a_credential_in_one_line_is_refused_before_anything_is_listed(address: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"/corpus/a.pdf\n{address}\n")
    (tmp_path / "list.csv").write_text(f"uri,size\n/corpus/a.pdf,1\n{address},2\n")
    pq.write_table(pa.table({"url": ["/corpus/a.pdf", address]}), tmp_path / "list.parquet")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(SourceError, match=r"the list .*list\.\w+ holds .* credential") as listed:
            next(scan(path))
        assert SECRET not in f"{listed.value} {listed.value.__cause__}"


def scan(path: Path) -> Iterator[DocumentRef]:
    return open_source(parse_config({"input": {"uri": str(path)}, "output": {"uri": "/out"}}).input).scan()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_table_without_a_head_does_not_show_its_first_addresses(address: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"{address},3\n/corpus/b.pdf,4\n")
    with pytest.raises(SourceError, match=r"no column uri or url or path among .*\*\*\*") as listed:
        next(scan(tmp_path / "list.csv"))
    assert SECRET not in f"{listed.value} {listed.value.__cause__}"


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_command_repeats_a_credential_that_it_was_given(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.yaml").write_text("engine: {name: scripted}\n")
    (tmp_path / "broken.yaml").write_text(f"input: {{uri: '{address}'\noutput: x\n")
    caplog.set_level(logging.DEBUG)
    ordinary = [str(tmp_path / "config.yaml"), "--output", str(tmp_path / "out")]
    for argv in (
        [*ordinary, "--input", address],
        [*ordinary, "--input", "/corpus", "--set", f"input.endpoint_url={address}"],
        [*ordinary, "--input", "/corpus", "--set", f"render.dpi={address}"],
        [*ordinary, "--input", "/corpus", "--set", f"{address}=1"],
        [*ordinary, "--input", "/corpus", "--set", f"engine=[{address}"],
        [str(tmp_path / "broken.yaml")],
    ):
        assert build.main(argv) == plan.main(argv) == 2
    with pytest.raises(SystemExit):
        build.main([*ordinary, "--inptu", address])
    said = capsys.readouterr()
    assert len(said.err.splitlines()) >= 13
    assert SECRET not in said.err + said.out + caplog.text
    assert not (tmp_path / "out").exists()


def test_with_debug_the_signed_requests_of_the_store_are_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "config.yaml").write_text("engine: {name: scripted}\n")
    with pytest.raises(SourceError):
        plan.main([str(tmp_path / "config.yaml"), "--input", str(tmp_path / "no"), "--output", str(tmp_path), "--debug"])
    assert logging.getLogger("pipeline").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("botocore.auth").isEnabledFor(logging.DEBUG)


def test_a_line_that_is_no_yaml_is_named_by_its_number_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"output:\n  secret_key: {SECRET}: x\n")
    with pytest.raises(ConfigError, match=r"config.yaml is not YAML: .* in line 2, column") as refused:
        load_config(tmp_path / "config.yaml")
    assert SECRET not in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_in_the_place_of_a_key_is_not_repeated(address: str) -> None:
    with pytest.raises(ConfigError, match=r"config key .*\*\*\*") as refused:
        parse_config({"input": {"uri": "/c"}, "output": {"uri": "/o"}, address: 1})
    assert SECRET not in f"{refused.value}"


SECRETS = st.text("ABCabc019+/=", min_size=12).map(lambda tail: f"Zz{tail}")


@given(SECRETS, st.sampled_from(["https://u:{}@host/x", "s3://AK:{}@bucket/x", "https://h/x?a=1&X-Amz-Signature={}&b=2"]))
def test_what_is_refused_is_struck_out_of_any_message(secret: str, form: str) -> None:
    address = form.format(secret)
    with pytest.raises(ValueError, match="credential"):
        refuse_credentials(address)
    assert secret not in without_secrets(f"cannot read {address}: no, '{address}' and ({address}) neither")


@pytest.mark.parametrize(
    "address",
    [
        "/data/a:b@c.pdf",
        "a@b/c.pdf",
        "s3://bucket/user@example.org/a.pdf",
        "s3://bucket/what?.pdf",
        "s3://bucket/sig=1.pdf",
        "/design?.pdf",
    ],
)
def test_an_at_sign_in_a_name_is_no_credential(address: str) -> None:
    assert parse_config({"input": {"uri": address}, "output": {"uri": "/out"}}).input.uri == address
    assert without_secrets(address) == address


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "https://[::1]:9000/", "http://minio.local:9000/a@b", "file:///a@b"])
def test_a_port_is_no_credential(url: str) -> None:
    assert refuse_credentials(url) == without_secrets(url) == url


@pytest.mark.parametrize("key", ["access_key", "aws_access_key_id", "secret_key", "session_token", "password", "api_key"])
def test_a_key_that_asks_for_a_secret_is_refused_with_where_it_belongs(key: str) -> None:
    with pytest.raises(ConfigError, match="credentials never stand in a config; set AWS_ACCESS_KEY_ID") as refused:
        config_with(**{key: SECRET})
    assert SECRET not in f"{refused.value} {refused.value.__cause__}"


def test_a_mistyped_key_that_looks_like_one_still_hears_what_was_meant() -> None:
    values = {"input": {"uri": "/c"}, "output": {"uri": "/o"}, "engine": {"name": "olmocr-2", "max_model_token": 5}}
    with pytest.raises(ConfigError, match="did you mean 'max_model_tokens'"):
        parse_config(values)


def test_a_setting_of_the_command_line_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("input: {uri: /corpus}\noutput: {uri: /out}\n")
    for setting in (f"output.secret_key={SECRET}", f"output.uri.x={SECRET}", f"input.uri=https://u:{SECRET}@host/x"):
        with pytest.raises(ConfigError) as refused:
            load_config(tmp_path / "config.yaml", [setting])
        assert SECRET not in f"{refused.value} {refused.value.__cause__}"
