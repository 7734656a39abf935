import { tagsType } from 'types.bicep'

metadata description = 'A private endpoint, and its records in private DNS zones.'

@description('Required. Its name.')
param name string

@description('Required. Its region: that of the network.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. Its subnet.')
param subnetId string

@description('Required. The resource that it leads to.')
param resourceId string

@description('Required. The service of the resource: blob, queue, table, namespace, account, sites, vault.')
param groupId string

@description('Required. The zones of its records.')
param zones string[]

@description('Required. The subscription of the zones.')
param zonesSubscriptionId string

@description('Required. Their resource group. Empty: no records; the network\'s owner makes them.')
param zonesResourceGroup string

resource endpoint 'Microsoft.Network/privateEndpoints@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    customNetworkInterfaceName: '${name}-nic'
    privateLinkServiceConnections: [
      { name: groupId, properties: { privateLinkServiceId: resourceId, groupIds: [groupId] } }
    ]
  }
}

resource dnsZones 'Microsoft.Network/privateDnsZones@2024-06-01' existing = [
  for zone in zones: {
    scope: resourceGroup(zonesSubscriptionId, zonesResourceGroup)
    name: zone
  }
]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-01-01' = if (!empty(zonesResourceGroup)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      for (zone, index) in zones: {
        name: replace(zone, '.', '-')
        properties: { privateDnsZoneId: dnsZones[index].id }
      }
    ]
  }
}
