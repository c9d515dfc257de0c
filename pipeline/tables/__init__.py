"""The two tables and their Parquet: `schemas` says what the columns are, the rest turns records into bytes and back."""
