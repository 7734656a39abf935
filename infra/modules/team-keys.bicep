import { tagsType } from 'types.bicep'

metadata description = 'The teams\' subscription keys, in the vault: a team reads its own, by a role on its secret.'

@description('Required. The vault.')
param vaultName string

@description('Required. Tags of the secrets.')
param tags tagsType

@description('Required. Resource id of the API Management instance.')
param serviceId string

@description('Required. The subscriptions; a secret has the name of its subscription.')
param subscriptionNames string[]

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  scope: resourceGroup(split(serviceId, '/')[2], split(serviceId, '/')[4])
  name: last(split(serviceId, '/'))
}

resource subscriptions 'Microsoft.ApiManagement/service/subscriptions@2024-05-01' existing = [
  for subscriptionName in subscriptionNames: {
    parent: service
    name: subscriptionName
  }
]

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource keys 'Microsoft.KeyVault/vaults/secrets@2026-02-01' = [
  for (subscriptionName, index) in subscriptionNames: {
    parent: vault
    name: subscriptionName
    tags: tags
    properties: {
      contentType: 'subscription key of API Management'
      value: subscriptions[index].listSecrets().primaryKey
    }
  }
]
