import { dataExplorerType, tagsType } from 'types.bicep'

metadata description = 'An Azure Data Explorer cluster that reads the event hub, with the table and the functions for analysts.'

@description('Required. The name of the cluster.')
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its size, and how long it keeps events.')
param options dataExplorerType

@description('Required. The resource id of the hub.')
param hubResourceId string

@description('Required. The consumer group of the hub that nobody else reads from.')
param consumerGroup string

@description('Required. The object id of the first analyst.')
param viewerObjectId string

@description('Required. Its type.')
param viewerType 'User' | 'Group' | 'ServicePrincipal'

@description('Required. Whether it is reached only over a private endpoint, and reads the hub over one of its own.')
param private bool

@description('Required. The region of the hub.')
param hubLocation string

// Functions come after what they use; each command begins a line.
var functions = [
  loadTextContent('../queries/analysts/exchanges.kql')
  loadTextContent('../queries/analysts/altered.kql')
  loadTextContent('../queries/analysts/usage.kql')
  loadTextContent('../queries/analysts/time_to_first_token.kql')
  loadTextContent('../queries/analysts/errors.kql')
  loadTextContent('../queries/analysts/completeness.kql')
  loadTextContent('../queries/analysts/rates.kql')
  loadTextContent('../queries/analysts/reservations.kql')
  loadTextContent('../queries/analysts/priced.kql')
  loadTextContent('../queries/analysts/costs.kql')
  loadTextContent('../queries/analysts/unpriced.kql')
  loadTextContent('../queries/analysts/provisioned.kql')
]
var script = join([loadTextContent('../queries/analysts/schema.kql'), ...functions], '\n')
var development = startsWith(options.?sku ?? 'Dev', 'Dev')

resource cluster 'Microsoft.Kusto/clusters@2025-02-14' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: options.?sku ?? 'Dev(No SLA)_Standard_E2a_v4'
    tier: development ? 'Basic' : 'Standard'
    capacity: development ? 1 : options.?instances ?? 2
  }
  identity: { type: 'SystemAssigned' }
  properties: {
    enableAutoStop: development
    enableDiskEncryption: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  }
}

resource database 'Microsoft.Kusto/clusters/databases@2025-02-14' = {
  parent: cluster
  name: 'fnsse'
  location: location
  kind: 'ReadWrite'
  properties: {
    softDeletePeriod: 'P${options.?retentionDays ?? 90}D'
    hotCachePeriod: 'P${options.?hotDays ?? 31}D'
  }
}

resource schema 'Microsoft.Kusto/clusters/databases/scripts@2025-02-14' = {
  parent: database
  name: 'schema'
  properties: {
    // The definitions of a table and functions; no secret.
    #disable-next-line use-secure-value-for-secure-inputs
    scriptContent: script
    continueOnErrors: false
    // The script runs again only if it has changed.
    forceUpdateTag: uniqueString(script)
  }
}

resource viewer 'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14' = {
  parent: database
  name: guid(viewerObjectId, 'Viewer')
  properties: {
    principalId: viewerObjectId
    // Azure Data Explorer calls a service principal an app.
    principalType: viewerType == 'ServicePrincipal' ? 'App' : viewerType
    role: 'Viewer'
    tenantId: tenant().tenantId
  }
}

module access 'access.bicep' = {
  params: {
    assignments: [
      {
        principalId: cluster.identity.principalId
        resourceId: hubResourceId
        role: 'Azure Event Hubs Data Receiver'
        reason: 'Azure Data Explorer reads events, and sends none.'
      }
    ]
  }
}

module group 'consumer-group.bicep' = {
  scope: resourceGroup(split(hubResourceId, '/')[2], split(hubResourceId, '/')[4])
  params: {
    namespace: split(hubResourceId, '/')[8]
    eventHub: last(split(hubResourceId, '/'))
    name: consumerGroup
  }
}

// The namespace has to approve it: infra/hooks/postprovision.py does, or its owner.
resource hubEndpoint 'Microsoft.Kusto/clusters/managedPrivateEndpoints@2025-02-14' = if (private) {
  parent: cluster
  name: 'event-hubs'
  properties: {
    privateLinkResourceId: resourceId(
      split(hubResourceId, '/')[2],
      split(hubResourceId, '/')[4],
      'Microsoft.EventHub/namespaces',
      split(hubResourceId, '/')[8]
    )
    privateLinkResourceRegion: hubLocation
    groupId: 'namespace'
    requestMessage: 'fnsse: ${name} reads events'
  }
}

resource connection 'Microsoft.Kusto/clusters/databases/dataConnections@2025-02-14' = {
  parent: database
  name: 'events'
  location: location
  kind: 'EventHub'
  properties: {
    eventHubResourceId: hubResourceId
    consumerGroup: consumerGroup
    managedIdentityResourceId: cluster.id
    tableName: 'exchanges_raw'
    mappingRuleName: 'event'
    dataFormat: 'JSON'
    eventSystemProperties: ['x-opt-enqueued-time']
  }
  dependsOn: [schema, access, group, hubEndpoint]
}

@description('Its resource id.')
output resourceId string = cluster.id

@description('The address that queries are sent to.')
output uri string = cluster.properties.uri

@description('The database.')
output database string = database.name
