"""Signature files: every page with its document, and a document that was read elsewhere is one without letters."""

import pyarrow as pa
import pytest
from hypothesis import given, settings

from pipeline.dedup.signatures import NO_SHINGLES, SIGNATURE_FIELDS, Signature, sign_document, signature_columns
from pipeline.dedup.signed import SignedFile, read_signatures
from pipeline.errors import VerifyError
from pipeline.tables.parquet import encode
from tests.builds.memory_store import MemoryStore
from tests.dedup.datasets import one_file, put_signed
from tests.dedup.strategies import SIGNATURES
from tests.quality.prose import HARBOUR, SOIL

NULLABLE = pa.schema([field.with_nullable(True) for field in SIGNATURE_FIELDS])


@settings(deadline=None, max_examples=40)
@given(SIGNATURES)
def test_what_is_put_is_read(signatures: list[Signature]) -> None:
    store = MemoryStore()
    (build,) = put_signed(store, signatures, one_file(len(signatures)))
    arrays = read_signatures(store, build.files[0])
    for place, signature in enumerate(signatures):
        of_document = arrays.page_documents_P == place
        assert arrays.text_hashes_D2[place].tobytes() == signature.text_hash
        assert arrays.minhashes_DM[place].tobytes() == signature.minhash
        assert arrays.letters_D[place] == signature.letters
        assert tuple(arrays.page_hashes_P[of_document].tolist()) == signature.page_hashes
        assert tuple(arrays.page_letters_P[of_document].tolist()) == signature.page_letters


def test_a_row_without_a_signature_is_a_document_without_letters() -> None:
    store = MemoryStore()
    columns = [pa.concat_arrays([pa.nulls(2, each.type), each]) for each in signature_columns([sign_document([SOIL, HARBOUR])])]
    store.put("file", encode(pa.table(columns, schema=NULLABLE), {}))
    arrays = read_signatures(store, SignedFile(key="file", num_documents=3))
    assert arrays.letters_D[:2].tolist() == [0, 0]
    assert arrays.letters_D[2] > 0
    assert arrays.page_documents_P.tolist() == [2, 2]
    assert set(arrays.minhashes_DM[:2].reshape(-1).tolist()) == {NO_SHINGLES}
    assert arrays.have_shingles().tolist() == [False, False, True]


def test_columns_beside_the_signature_are_no_matter_and_missing_ones_are_named() -> None:
    store = MemoryStore()
    table = pa.table(signature_columns([sign_document([SOIL])]), schema=pa.schema(SIGNATURE_FIELDS))
    store.put("more", encode(table.append_column("id", pa.array(["x"])), {}))
    store.put("less", encode(table.drop_columns(["minhash"]), {}))
    assert len(read_signatures(store, SignedFile(key="more", num_documents=1)).letters_D) == 1
    with pytest.raises(VerifyError, match="minhash"):
        read_signatures(store, SignedFile(key="less", num_documents=1))
