"""Duplicates: what a document says, as numbers that can be compared; and which documents say what an earlier one said.

signatures.py   the text of a document to its signature
find.py         signatures of all documents to verdicts: kept, or the duplicate of which kept one
"""
