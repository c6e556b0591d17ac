"""What a job shows: metrics as they come, pivot, facets, charts, reports."""
