using 'main.bicep'

// Values come from the environment: `azd env set NAME VALUE`, or `export NAME=VALUE` before `az deployment group create`.
// Edit this file for what is not here; main.bicep describes every parameter.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'fnsse')

// A variable of the repository that is not set comes as an empty text: the defaults are for that, too.
var publisherEmail = readEnvironmentVariable('PUBLISHER_EMAIL', '')
var publisherName = readEnvironmentVariable('PUBLISHER_NAME', '')

param apiManagement = {
  kind: 'new'
  sku: 'BasicV2'
  publisherEmail: empty(publisherEmail) ? 'openai-gateway@example.com' : publisherEmail
  publisherName: empty(publisherName) ? 'OpenAI gateway' : publisherName
}

param openAi = [
  {
    kind: 'new'
    deployments: [
      { name: 'gpt-4.1-mini', model: 'gpt-4.1-mini', version: '2025-04-14', sku: 'GlobalStandard', capacity: 50 }
    ]
  }
]

param callerAuth = readEnvironmentVariable('CALLER_AUTH', 'function_key') == 'entra' ? 'entra' : 'function_key'
param audienceClientId = readEnvironmentVariable('AUDIENCE_CLIENT_ID', '')
