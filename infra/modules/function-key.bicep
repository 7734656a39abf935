import { tagsType } from 'types.bicep'
import { functionKeySecretName } from 'names.bicep'

metadata description = 'The function key, in the vault that hands it to API Management: the one secret, where callerAuth is function_key.'

@description('Required. The vault.')
@minLength(3)
@maxLength(24)
param vaultName string

@description('Required. Tags of the secret.')
param tags tagsType

@description('Required. The function app whose key it is.')
param functionAppName string

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: functionAppName
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
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

@description('The resource id of the secret.')
output secretResourceId string = functionKey.id

@description('The address of the secret, without a version: API Management follows a new one within hours.')
output secretUri string = functionKey.properties.secretUri
