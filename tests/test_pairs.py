"""A build over real Ray that keeps images and counts tokens: each page has its picture and its text, and verify agrees."""

import io
from pathlib import Path

import numpy as np
import pyarrow.dataset
import pytest
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from jobs.build import main
from pipeline.builds.begin import begin_build
from pipeline.builds.images import agree_on_images
from pipeline.cluster import run_shards
from pipeline.config import BuildConfig, parse_config
from pipeline.interfaces import ObjectStore
from pipeline.publishing.publish import publish
from pipeline.publishing.verify import verify
from pipeline.records import PageImage
from pipeline.rendering import render_documents
from pipeline.sources import list_documents, open_source
from pipeline.store import open_store

pytestmark = pytest.mark.ray


def read_all(config: BuildConfig, store: ObjectStore) -> None:
    plan = begin_build(store, config, lambda: list_documents(open_source(config.input)), code_version="0.1.0")
    agree_on_images(store, plan.build_id, config.images)
    for _ in run_shards(plan.shards, config, stamp=plan.stamp, store=store, known=()):
        pass


def test_each_page_of_a_build_has_its_picture_and_each_document_its_tokens(
    ray_cluster: None, small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.train_from_iterator(["the mill by the weir"], trainers.BpeTrainer(vocab_size=400, show_progress=False))
    tokenizer.save(str(tmp_path / "mill.json"))
    values = {
        "input": {"uri": str(small_corpus)},
        "output": {"uri": str(tmp_path / "out")},
        "engine": {"name": "scripted"},
        "render": {"dpi": 40},
        "plan": {"shard_documents": 2},
        "images": {"format": "png"},
        "publish": {"tokenizer": str(tmp_path / "mill.json")},
    }
    config = parse_config(values)
    store = open_store(config.output)
    read_all(config, store)
    version = publish(store, config, code_version="0.1.0")
    report = verify(store, "main")
    assert (report.findings, report.num_pages) == ((), 21)

    source = open_source(config.input)
    events = render_documents(list(source.scan()), source, config=config.render, known=())
    drawn = {str(event.page_id): event.pixels_HWC[:, :, 0] for event in events if isinstance(event, PageImage)}
    rows = pyarrow.dataset.dataset(tmp_path / "out" / "images", format="parquet").to_table().to_pylist()
    assert len(rows) == len(drawn) == 21
    for row in rows:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))), drawn[row["id"]])

    documents = pyarrow.dataset.dataset(tmp_path / "out" / "documents", format="parquet").to_table().to_pylist()
    assert documents
    counts = [len(tokenizer.encode(row["text"], add_special_tokens=False).ids) for row in documents]
    assert [row["token_count"] for row in documents] == counts
    assert version.num_tokens == sum(counts)

    path = tmp_path / "config.yaml"
    path.write_text(str({**values, "images": {"format": "webp"}}).replace("'", '"'))
    assert main([str(path)]) != 0
    assert "was begun with other images (images.format: 'png' -> 'webp')" in capsys.readouterr().err
