"""Where files lie: local folders, memory, and buckets, behind one protocol."""
