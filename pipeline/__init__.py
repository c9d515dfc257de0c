"""Pagemill: corpora of PDFs in, pretraining data out. Start with `flow.py`; `records.py` holds the nouns."""
