using 'main.bicep'

// Values come from the environment: `azd env set NAME VALUE`, or `export NAME=VALUE` before `az
// deployment group create`. Edit this file for other parameters; main.bicep describes all of them.
// An empty variable, such as an unset variable of the repository, means the default.
// docs/reference/deployment-options.md lists the variables.

param environmentName = empty(readEnvironmentVariable('AZURE_ENV_NAME', ''))
  ? 'fnsse'
  : readEnvironmentVariable('AZURE_ENV_NAME', '')
param location = readEnvironmentVariable('AZURE_LOCATION', '')

// --- Evaluation or production --------------------------------------------------------------------

var profiles = {
  evaluation: { httpInstances: 1, storageSku: 'Standard_LRS', keyVaultPurgeProtection: false, auditLogs: false }
  production: { httpInstances: 2, storageSku: 'Standard_ZRS', keyVaultPurgeProtection: true, auditLogs: true }
}
var profile = profiles[empty(readEnvironmentVariable('PROFILE', ''))
  ? 'evaluation'
  : readEnvironmentVariable('PROFILE', '')]
var storageRedundancy = readEnvironmentVariable('STORAGE_SKU', '')
var updateStrategy = readEnvironmentVariable('SITE_UPDATE_STRATEGY', '')

param scale = {
  alwaysReady: [
    { name: 'http', instanceCount: profile.httpInstances } // a single one is missing for a moment whenever it is replaced
    { name: 'durable', instanceCount: 1 }
  ]
}
param storageSku = empty(storageRedundancy) ? profile.storageSku : storageRedundancy
param siteUpdateStrategy = empty(updateStrategy) ? 'RollingUpdate' : updateStrategy
param keyVaultPurgeProtection = profile.keyVaultPurgeProtection
param auditLogs = profile.auditLogs

// --- The gateway ---------------------------------------------------------------------------------

param apiManagement = {
  kind: 'new'
  sku: 'BasicV2'
  publisherEmail: readEnvironmentVariable('PUBLISHER_EMAIL', '')
  publisherName: empty(readEnvironmentVariable('PUBLISHER_NAME', ''))
    ? 'OpenAI gateway'
    : readEnvironmentVariable('PUBLISHER_NAME', '')
}
param callerAuth = empty(readEnvironmentVariable('CALLER_AUTH', ''))
  ? 'function_key'
  : readEnvironmentVariable('CALLER_AUTH', '')
param audienceClientId = readEnvironmentVariable('AUDIENCE_CLIENT_ID', '')

// --- The model -----------------------------------------------------------------------------------

var existingAccount = readEnvironmentVariable('OPENAI_ACCOUNT', '')
var existingAccountGroup = readEnvironmentVariable('OPENAI_RESOURCE_GROUP', '')
var model = empty(readEnvironmentVariable('OPENAI_MODEL', ''))
  ? 'gpt-5.4-mini'
  : readEnvironmentVariable('OPENAI_MODEL', '')
var modelVersion = readEnvironmentVariable('OPENAI_MODEL_VERSION', '')
var modelSku = readEnvironmentVariable('OPENAI_SKU', '')
var modelCapacity = readEnvironmentVariable('OPENAI_CAPACITY', '')

param openAi = [
  !empty(existingAccount)
    ? {
        kind: 'existing'
        name: existingAccount
        resourceGroup: empty(existingAccountGroup)
          ? readEnvironmentVariable('AZURE_RESOURCE_GROUP', '')
          : existingAccountGroup
      }
    : {
        kind: 'new'
        deployments: [
          {
            name: model
            model: model
            version: empty(modelVersion) ? '2026-03-17' : modelVersion
            sku: empty(modelSku) ? 'GlobalStandard' : modelSku
            capacity: int(empty(modelCapacity) ? '10' : modelCapacity)
          }
        ]
      }
]

// --- The events ----------------------------------------------------------------------------------

var leastUnits = readEnvironmentVariable('EVENTHUB_CAPACITY', '')
// The namespace's current units: infra/hooks/preprovision.py sets it, so that a deployment takes no
// unit away.
var currentUnits = readEnvironmentVariable('EVENTHUB_CURRENT_CAPACITY', '')

param eventHubs = {
  kind: 'new'
  capacity: max(int(empty(leastUnits) ? '1' : leastUnits), int(empty(currentUnits) ? '1' : currentUnits))
}

// --- Alerts --------------------------------------------------------------------------------------

var alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')

param alerts = empty(alertEmail) ? {} : { emails: split(alertEmail, ',') }

var runbookAddress = readEnvironmentVariable('RUNBOOK_URL', '')

param runbookUrl = empty(runbookAddress) ? 'docs/how-to' : runbookAddress
