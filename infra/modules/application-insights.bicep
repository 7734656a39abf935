import { tagsType } from 'types.bicep'

metadata description = 'Application Insights that takes what an identity with a role sends, and no key.'

@description('Required. Its name.')
param name string

@description('Required. Its region.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. The workspace of its data.')
param workspaceId string

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceId
    DisableLocalAuth: true
  }
}

@description('Its resource id.')
output resourceId string = insights.id

@description('Its address. Not a secret: sending to it needs a role.')
output connectionString string = insights.properties.ConnectionString
