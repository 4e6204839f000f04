"""What a browser fetches beside the page, under `/api/`: files of results, stills, contact sheets."""
