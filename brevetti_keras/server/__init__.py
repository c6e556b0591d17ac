"""The platform: what it can do, its database, its HTTP interface and pages."""
