import { limitOf } from 'team-limits.bicep'
import { teamType } from 'types.bicep'

metadata description = 'The teams that call the API: a product, a subscription and limits for each.'

@description('Required. Name of the API Management instance, in the resource group that this module is deployed to.')
param serviceName string

@description('Required. The prefix of the names of everything that it adds, as in api-management.bicep, which has to be deployed before because it makes the API.')
@minLength(1)
@maxLength(40)
param name string

@description('Required. The teams.')
param teams teamType[]

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName

  resource api 'apis' existing = {
    name: '${name}-openai'
  }
}

resource products 'Microsoft.ApiManagement/service/products@2024-05-01' = [
  for team in teams: {
    parent: service
    name: '${name}-team-${team.name}'
    properties: {
      displayName: 'Azure OpenAI for team ${team.name} (${name})'
      description: 'What the team may use; its subscription has the team\'s key'
      subscriptionRequired: true
      approvalRequired: true
      state: 'published'
    }
  }
]

resource policies 'Microsoft.ApiManagement/service/products/policies@2024-05-01' = [
  for (team, index) in teams: {
    parent: products[index]
    name: 'policy'
    properties: {
      format: 'xml'
      value: replace(
        replace(loadTextContent('../policies/team.xml'), '"TEAM"', '"${team.name}"'),
        '<!-- LIMITS -->',
        limitOf(name, team)
      )
    }
  }
]

resource productApis 'Microsoft.ApiManagement/service/products/apiLinks@2024-05-01' = [
  for (team, index) in teams: {
    parent: products[index]
    name: '${name}-team-${team.name}'
    properties: {
      apiId: service::api.id
    }
  }
]

resource subscriptions 'Microsoft.ApiManagement/service/subscriptions@2024-05-01' = [
  for (team, index) in teams: {
    parent: service
    name: '${name}-team-${team.name}'
    properties: {
      displayName: '${name}-team-${team.name}'
      scope: products[index].id
      state: 'active'
      allowTracing: false
    }
  }
]
