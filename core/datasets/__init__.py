"""Labelled pictures: folders, zips, parquet files or MNIST's files become a `Dataset` with a digest, and a record."""
