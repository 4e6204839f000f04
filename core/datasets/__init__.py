"""Labeled pictures: folders, zips, parquet files or MNIST's files become a `Dataset` with a digest, and a record."""

__all__ = ["dataset", "digits", "files", "record", "upload"]
