"""Makes rates/base.csv: of LiteLLM's price map, or of Azure's list of retail prices.

base              python -m local.rates.litellm MAP.json VERSION DATE
functions in KQL  python -m local.rates.kusto
"""
