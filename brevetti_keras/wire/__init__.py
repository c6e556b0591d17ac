"""What crosses between a job, the platform and its pages: records, events, artifact paths and routes."""
