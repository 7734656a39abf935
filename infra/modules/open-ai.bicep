import { modelDeploymentType, tagsType } from 'types.bicep'

metadata description = 'An Azure OpenAI account without keys, and the models that it serves.'

@description('Required. Its name, and its subdomain: identities need one.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. The models that it serves.')
param deployments modelDeploymentType[]

@description('Required. Whether it is reached only over private endpoints.')
param private bool

@description('Optional. The workspace that takes its audit log. Default: none.')
param auditWorkspaceId string = ''

resource account 'Microsoft.CognitiveServices/accounts@2026-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'AIServices' // what Microsoft Foundry makes; it has every route of Azure OpenAI, and its roles
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: private ? 'Deny' : 'Allow' }
  }
}

// 2021-05-01-preview is the newest there is for it.
#disable-next-line use-recent-api-versions
resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(auditWorkspaceId)) {
  scope: account
  name: 'audit-log'
  properties: {
    workspaceId: auditWorkspaceId
    logs: [{ category: 'Audit', enabled: true }] // who asked for its keys. Calls are in the events
  }
}

// One after the other: an account takes one change at a time.
@batchSize(1)
resource models 'Microsoft.CognitiveServices/accounts/deployments@2026-03-01' = [
  for deployment in deployments: {
    parent: account
    name: deployment.name
    sku: { name: deployment.sku, capacity: deployment.capacity }
    properties: {
      model: { format: 'OpenAI', name: deployment.model, version: deployment.version }
      versionUpgradeOption: 'OnceCurrentVersionExpired'
    }
  }
]

@description('Its resource id.')
output resourceId string = account.id

@description('Its address.')
output endpoint string = account.properties.endpoint
