"""The emulators as processes: they serve the real azure-eventhub and OpenAI SDKs."""
