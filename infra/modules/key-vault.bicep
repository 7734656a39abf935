import { tagsType } from 'types.bicep'
import { functionKeySecretName } from 'names.bicep'

metadata description = 'The vault that hands the function key to API Management: the one secret, where callerAuth is function_key.'

@description('Required. Its name.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. The function app whose key it holds.')
param functionAppName string

@description('Required. Whether it is reached over private endpoints, and by Azure services that have a role, alone.')
param private bool

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      // API Management reads the secret as a trusted service, by its identity and role; ARM writes it the same way.
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource functionKey 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = {
  parent: vault
  name: functionKeySecretName
  tags: tags
  properties: {
    contentType: 'function key of ${functionAppName}'
    // The host's default key; Functions makes it with the app.
    value: listKeys('${app.id}/host/default', app.apiVersion).functionKeys.default
  }
}

@description('The resource id of the vault.')
output resourceId string = vault.id

@description('The resource id of the secret.')
output secretResourceId string = functionKey.id

@description('The address of the secret, without a version: API Management follows a new one within hours.')
output secretUri string = functionKey.properties.secretUri
