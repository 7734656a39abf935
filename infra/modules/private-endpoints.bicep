import { privateEndpointType, tagsType } from 'types.bicep'

metadata description = 'Private endpoints: one for each line of a table.'

@description('Required. The beginning of their names.')
param prefix string

@description('Required. Their region: that of the network.')
param location string

@description('Required. Their tags.')
param tags tagsType

@description('Required. Their subnet.')
param subnetId string

@description('Required. The table.')
param endpoints privateEndpointType[]

@description('Required. The subscription of the private DNS zones.')
param zonesSubscriptionId string

@description('Required. Their resource group. Empty: no records; the network\'s owner makes them.')
param zonesResourceGroup string

module endpoint 'private-endpoint.bicep' = [
  for row in endpoints: {
    params: {
      name: '${prefix}-${row.name}'
      location: location
      tags: tags
      subnetId: subnetId
      resourceId: row.resourceId
      groupId: row.groupId
      zones: row.zones
      zonesSubscriptionId: zonesSubscriptionId
      zonesResourceGroup: zonesResourceGroup
    }
  }
]
