"""Data sets of labeled pictures: folders, archives, tables and idx files become a `Dataset` with digest and record."""

__all__ = ["dataset", "digits", "files", "intake", "record", "upload"]
