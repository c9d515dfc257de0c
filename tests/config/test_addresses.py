"""A config that holds a secret is refused, and the error does not repeat it."""

from pathlib import Path

import pytest

from pipeline.config import BuildConfig, load_config, parse_config
from pipeline.errors import ConfigError, SourceError
from pipeline.sources import open_source

SECRET = "wJalrXUtnFEMI"


def config_with(**output: object) -> BuildConfig:
    return parse_config({"input": {"uri": "/corpus"}, "output": {"uri": "s3://bucket/books", **output}})


@pytest.mark.parametrize(
    "address",
    [
        f"https://user:{SECRET}@store.example/books",
        f"s3://AKIAEXAMPLE:{SECRET}@bucket/books",
        f"s3://{SECRET}@bucket/books",
        f"https://bucket.s3.amazonaws.com/a.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={SECRET}",
        f"https://bucket.s3.amazonaws.com/a.pdf?AWSAccessKeyId=AKIA&Signature={SECRET}&Expires=1",
        f"https://account.blob.core.windows.net/c/a.pdf?sv=2024&sig={SECRET}",
        f"s3://bucket/a.pdf?x-amz-security-token={SECRET}",
    ],
)
def test_an_address_with_a_credential_is_refused_wherever_it_stands(address: str, tmp_path: Path) -> None:
    for values in (
        {"input": {"uri": address}, "output": {"uri": "/out"}},
        {"input": {"uri": "/corpus"}, "output": {"uri": address}},
        {"input": {"uri": "/corpus"}, "output": {"uri": "s3://b/x", "endpoint_url": address}},
    ):
        with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY") as refused:
            parse_config(values)
        assert SECRET not in f"{refused.value} {refused.value.__cause__}"
    (tmp_path / "list.txt").write_text(f"/corpus/a.pdf\n{address}\n")
    source = open_source(parse_config({"input": {"uri": str(tmp_path / "list.txt")}, "output": {"uri": "/out"}}).input)
    with pytest.raises(SourceError, match="credential") as listed:
        list(source.scan())
    assert SECRET not in str(listed.value)


@pytest.mark.parametrize(
    "address",
    ["/data/a:b@c.pdf", "a@b/c.pdf", "s3://bucket/user@example.org/a.pdf", "s3://bucket/what?.pdf", "s3://bucket/sig=1.pdf"],
)
def test_an_at_sign_in_a_name_is_no_credential(address: str) -> None:
    assert parse_config({"input": {"uri": address}, "output": {"uri": "/out"}}).input.uri == address


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
