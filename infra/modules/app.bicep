import { alwaysReadyType, tagsType } from 'types.bicep'

metadata description = 'The function app on Flex Consumption.'

@description('Required. Its name.')
param name string

@description('Required. The name of its plan.')
param planName string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its identity.')
param identityId string

@description('Required. The container of its package: address and name.')
param packageContainerUri string

@description('Required. Its settings.')
param settings { *: string }

@description('Required. What happens to running instances when code or settings change.')
param siteUpdateStrategy 'RollingUpdate' | 'Recreate'

@description('Required. Always-ready instances.')
param alwaysReady alwaysReadyType[]

@description('Required. The memory of an instance.')
param instanceMemoryMB 512 | 2048 | 4096

@description('Required. Most instances.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Required. Calls that an instance handles at once.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int

@description('Required. Whether instances run in several zones.')
param zoneRedundant bool

@description('Required. The subnet of its outbound calls. Empty: none, and its address is public.')
param subnetId string

@description('Optional. Address ranges that may reach its public address, such as 203.0.113.0/24. Default: all.')
param allowedCallers string[] = []

var private = !empty(subnetId)

// The availability test calls from Azure's own addresses. Code is pushed to another site, which
// accepts only Entra tokens.
var restrictions = {
  ipSecurityRestrictionsDefaultAction: 'Deny'
  ipSecurityRestrictions: concat(
    map(range(0, length(allowedCallers)), index => {
      name: 'caller-${index + 1}'
      action: 'Allow'
      priority: 100 + index
      ipAddress: allowedCallers[index]
    }),
    [
      {
        name: 'availability-test'
        action: 'Allow'
        priority: 1000
        tag: 'ServiceTag'
        ipAddress: 'ApplicationInsightsAvailability'
      }
    ]
  )
  scmIpSecurityRestrictionsUseMain: false
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: private ? subnetId : null
    keyVaultReferenceIdentity: identityId
    siteConfig: union(
      {
        appSettings: map(items(settings), setting => { name: setting.key, value: setting.value })
        minTlsVersion: '1.2'
        scmMinTlsVersion: '1.2'
        http20Enabled: true
        remoteDebuggingEnabled: false
      },
      empty(allowedCallers) ? {} : restrictions
    )
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUri
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        alwaysReady: alwaysReady
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
      // Recreate kills running streams. Flex Consumption has it, the compiler's types not yet.
      #disable-next-line BCP037
      siteUpdateStrategy: { type: siteUpdateStrategy }
    }
  }
}

// A package is pushed only with an Entra token, never with a user name and a password.
resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

@description('Its resource id.')
output resourceId string = app.id

@description('Its name.')
output name string = app.name

@description('Its host name.')
output hostName string = app.properties.defaultHostName
