"""The chaos harness: real services, three ingesters, a seeded plan of faults, and the proof afterwards. Run by dev/chaos."""
