using 'main.bicep'

// Values come from the environment: `azd env set NAME VALUE`, or `export NAME=VALUE` before `az deployment group create`.
// Edit this file for what is not here; main.bicep describes every parameter.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'fnsse')

param apiManagement = {
  kind: 'new'
  sku: 'BasicV2'
  publisherEmail: readEnvironmentVariable('PUBLISHER_EMAIL', 'openai-gateway@example.com')
  publisherName: readEnvironmentVariable('PUBLISHER_NAME', 'OpenAI gateway')
}

param openAi = {
  kind: 'new'
  deployments: [
    { name: 'gpt-4.1-mini', model: 'gpt-4.1-mini', version: '2025-04-14', sku: 'GlobalStandard', capacity: 50 }
  ]
}

param callerAuth = readEnvironmentVariable('CALLER_AUTH', 'function_key') == 'entra' ? 'entra' : 'function_key'
param audienceClientId = readEnvironmentVariable('AUDIENCE_CLIENT_ID', '')
