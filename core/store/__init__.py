"""The store: key -> `Result`, digest -> picture, name -> gallery; in a folder or a bucket, cached on each host."""

__all__ = ["fsck", "gallery", "manifest", "sources", "store"]
