"""Policies of API Management that would hold a stream back."""

from __future__ import annotations

# Each of them reads a whole body, or writes one where others can read it, and a stream's chunks
# would wait.
BUFFERING = {
    "validate-content",
    "cache-lookup",
    "cache-store",
    "llm-semantic-cache-lookup",
    "azure-openai-semantic-cache-lookup",
    "azure-openai-emit-token-metric",
    "llm-emit-token-metric",
    "log-to-eventhub",
    "trace",
    "find-and-replace",
    "redirect-content-urls",
    "json-to-xml",
    "xml-to-json",
    "retry",
}
