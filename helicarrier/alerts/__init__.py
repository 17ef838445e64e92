"""Alerts: rules over usage, their state and every transition."""
