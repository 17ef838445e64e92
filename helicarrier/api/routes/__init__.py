"""Routes: one module for each part of the API; each route declares its scope."""
