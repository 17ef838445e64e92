"""The legacy V3 store, one JSON file, as a place that the service can read and write."""
