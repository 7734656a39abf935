import { expiryType, immutableType, storageSkuType, tagsType } from 'types.bicep'

metadata description = 'A storage account without keys, with its containers and queues.'

@description('Required. Its name.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its redundancy.')
param sku storageSkuType

@description('Required. Containers to create.')
param containers string[]

@description('Required. Queues to create.')
param queues string[]

@description('Optional. Containers whose blobs expire. Default: none.')
param expiries expiryType[] = []

@description('Optional. A container whose blobs nobody can alter or delete for so many days: each overwritten or deleted blob is kept as a version. Default: none.')
param immutable immutableType?

@description('Required. Whether it is reached only over private endpoints.')
param private bool

@description('Optional. How many days deleted and replaced blobs can be restored; 0: not at all. Default: 7.')
@minValue(0)
@maxValue(365)
param softDeleteDays int = 7

@description('Optional. Whether Azure services with an identity and a role reach it from outside the private network, as Event Hubs Capture does.')
param trustsAzureServices bool = false

@description('Optional. The workspace that takes its log of deleted blobs. Default: none.')
param auditWorkspaceId string = ''

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Without a private network the address is public, but it needs a role of Entra ID: there are
      // no keys.
      defaultAction: private ? 'Deny' : 'Allow'
      bypass: trustsAzureServices ? 'AzureServices' : 'None'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    // For so long blobs that retention or an operator deleted can be restored.
    deleteRetentionPolicy: union({ enabled: softDeleteDays > 0 }, softDeleteDays > 0 ? { days: softDeleteDays } : {})
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    // The retention of a version: a retention of the whole container would refuse the capture that
    // replaces a placeholder.
    isVersioningEnabled: immutable != null
  }
}

// 2021-05-01-preview is the newest there is for it.
#disable-next-line use-recent-api-versions
resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(auditWorkspaceId)) {
  scope: blobs
  name: 'audit-log'
  properties: {
    workspaceId: auditWorkspaceId
    // Who deleted a capture, or an entry of the ledger. Reads and writes would be a row for each
    // storage call.
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = [
  for container in containers: {
    parent: blobs
    name: container
    properties: {
      publicAccess: 'None'
      immutableStorageWithVersioning: container == immutable.?container ? { enabled: true } : null
    }
  }
]

// Unlocked: anyone who may manage the account can shorten it. Locking cannot be undone.
resource retention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2026-04-01' = if (immutable != null) {
  name: '${name}/default/${immutable.?container ?? 'none'}/default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutable.?days ?? 1
    allowProtectedAppendWrites: false
  }
  dependsOn: [blobContainers]
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2026-04-01' = {
  parent: account
  name: 'default'
}

resource queueList 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' = [
  for queue in queues: {
    parent: queueService
    name: queue
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = if (!empty(expiries)) {
  parent: account
  name: 'default'
  dependsOn: [blobs]
  properties: {
    policy: {
      rules: [
        for expiry in expiries: {
          name: 'delete-${expiry.container}'
          type: 'Lifecycle'
          definition: {
            filters: {
              // The ledger's blobs are append blobs, for which deletion is the only action.
              blobTypes: ['blockBlob', 'appendBlob']
              prefixMatch: ['${expiry.container}/']
            }
            actions: {
              baseBlob: { delete: { daysAfterModificationGreaterThan: expiry.days } }
              version: immutable == null ? null : { delete: { daysAfterCreationGreaterThan: expiry.days } }
            }
          }
        }
      ]
    }
  }
}

@description('Its resource id.')
output resourceId string = account.id

@description('The address of its blobs.')
output blobUri string = account.properties.primaryEndpoints.blob

@description('The address of its queues.')
output queueUri string = account.properties.primaryEndpoints.queue

@description('The address of its tables.')
output tableUri string = account.properties.primaryEndpoints.table
