"""Pictures, videos and colors in and out: strangers' bytes become a `Picture` or a `Video`, and files again."""
