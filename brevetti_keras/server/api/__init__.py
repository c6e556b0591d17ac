"""HTTP under `/api`: one module for each group of the service, thin over it, JSON in and out."""
