"""Duplicates: what a document says, as numbers that can be compared; and which documents say what an earlier one said.

    signatures.py    the text of a document to its signature
    signed.py        where signatures lie, and one file of them as arrays
    slices.py        sorted records in an object, read by ranges
    index.py         the signatures of a build turned into slices, put once
    groups.py        documents with a key in common: one partition, one task
    candidates.py    which pairs of a group to compare
    estimates.py     pairs compared by their minhashes: one task
    containment.py   documents that stand in an earlier one
    resolve.py       who stays: the rules
    find.py          all of it

The only room that knows how a duplicate is recognised; who may be published at all is decided elsewhere.
"""
