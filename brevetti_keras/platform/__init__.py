"""The job and the platform it talks to."""
