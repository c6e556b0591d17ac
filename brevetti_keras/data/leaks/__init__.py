"""Which pictures are copies of one another: equal pixels, and near-duplicates that are confirmed pixel by pixel."""
