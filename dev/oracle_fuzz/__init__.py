"""Random statements asked of ours and of Trino: `dev/oracle fuzz`."""
