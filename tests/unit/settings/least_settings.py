"""The settings without which the app does not start."""

from __future__ import annotations

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"  # stands for any key
STORAGE = f"DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey={SECRET}==;EndpointSuffix=core.windows.net"
EVENT_HUB = f"Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey={SECRET}="
LEAST = {
    "AZURE_OPENAI_BASE_URL": "https://contoso.openai.azure.com",
    "AZURE_EVENTHUB_CONN_STR": EVENT_HUB,
    "AZURE_EVENTHUB_NAME": "openai-logs",
    "AzureWebJobsStorage": STORAGE,
}
