"""Small parts that everything else stands on: errors, lazy imports, strict JSON."""
