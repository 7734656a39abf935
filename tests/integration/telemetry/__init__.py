"""Spans and metrics, exported to a real OTLP receiver, and to collectors that misbehave."""
