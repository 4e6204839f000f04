"""Data sets of labeled pictures: folders, zips, tars, tables or idx files become a `Dataset` with a digest and a record."""

__all__ = ["dataset", "digits", "files", "record", "upload"]
