import { eventHubsCaptureType, tagsType } from 'types.bicep'
import { eventHubsCaptureContainerName } from 'names.bicep'

metadata description = 'An Event Hubs namespace without keys, with the hub of the events.'

@description('Required. The name of the namespace.')
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its tier.')
param sku 'Basic' | 'Standard' | 'Premium'

@description('Required. Throughput units, or processing units on Premium, to begin with.')
@minValue(1)
param capacity int

@description('Required. Throughput units that Standard may inflate to.')
@minValue(1)
@maxValue(40)
param maximumThroughputUnits int

@description('Required. The hub.')
param eventHub string

@description('Required. Its partitions.')
param partitions int

@description('Required. How long it keeps events.')
param retentionHours int

@description('Required. Its consumer groups, beside $Default.')
param consumerGroups string[]

@description('Optional. Event Hubs Capture. Default: none.')
param capture eventHubsCaptureType?

@description('Optional. The identity that writes its files.')
param captureIdentityId string = ''

@description('Optional. The account that it writes to.')
param captureStorageId string = ''

@description('Required. Whether it is reached only over private endpoints.')
param private bool

@description('Optional. The workspace that takes its log of operations. Default: none.')
param auditWorkspaceId string = ''

var inflates = sku == 'Standard'

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku, tier: sku, capacity: capacity }
  identity: capture == null ? null : { type: 'UserAssigned', userAssignedIdentities: { '${captureIdentityId}': {} } }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    isAutoInflateEnabled: inflates
    maximumThroughputUnits: inflates ? maximumThroughputUnits : 0
  }
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = {
  parent: namespace
  name: eventHub
  properties: {
    partitionCount: partitions
    retentionDescription: { cleanupPolicy: 'Delete', retentionTimeInHours: retentionHours }
    captureDescription: capture == null
      ? null
      : {
          enabled: true
          encoding: 'Avro'
          intervalInSeconds: capture!.intervalInSeconds
          sizeLimitInBytes: capture!.sizeLimitInBytes
          skipEmptyArchives: true
          destination: {
            name: 'EventHubArchive.AzureBlockBlob'
            identity: { type: 'UserAssigned', userAssignedIdentity: captureIdentityId }
            properties: {
              storageAccountResourceId: captureStorageId
              blobContainer: eventHubsCaptureContainerName
              archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
            }
          }
        }
  }
}

resource groups 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = [
  for group in consumerGroups: {
    parent: hub
    name: group
  }
]

// 2021-05-01-preview is the newest there is for it.
#disable-next-line use-recent-api-versions
resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(auditWorkspaceId)) {
  scope: namespace
  name: 'audit-log'
  properties: {
    workspaceId: auditWorkspaceId
    // Who changed the namespace, when it inflated, and, only on Premium, who sent and read.
    logs: map(
      concat(['OperationalLogs'], inflates ? ['AutoScaleLogs'] : [], sku == 'Premium' ? ['RuntimeAuditLogs'] : []),
      category => { category: category, enabled: true }
    )
  }
}

@description('The resource id of the namespace.')
output resourceId string = namespace.id

@description('The resource id of the hub.')
output hubResourceId string = hub.id

@description('The address of the namespace, with scheme and port.')
output endpoint string = namespace.properties.serviceBusEndpoint
