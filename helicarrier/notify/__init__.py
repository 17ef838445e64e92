"""Notifications: an outbox that every area writes to."""
