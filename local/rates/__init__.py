"""Makes rates/base.csv, and functions in KQL of it.

* `litellm`: the base, of LiteLLM's map of prices: python -m local.rates.litellm FILE VERSION DATE.
* `azure`: brings it up to date from Azure's list of prices: python -m local.rates.azure.
* `meters`: what the meters of that list mean.
* `kusto`: writes it as functions for Azure Data Explorer: python -m local.rates.kusto.
"""
