"""What a browser fetches beside the page, under `/api/`: files of results, stills, contact sheets."""

__all__ = ["blobs", "contact_sheets"]
