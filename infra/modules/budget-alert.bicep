import { budgetType, tagsType } from 'types.bicep'

metadata description = 'An alert on what teams spent this month at list prices, from the database of events.'

@description('Required. The beginning of its name.')
param prefix string

@description('Required. Its region: that of the workspace.')
param location string

@description('Required. Its tags.')
param tags tagsType

@description('Required. The Log Analytics workspace that the rule belongs to. The query does not read it.')
param workspaceId string

@description('Required. The name of the cluster.')
param clusterName string

@description('Required. The address of the cluster.')
param clusterUri string

@description('Required. The database.')
param databaseName string

@description('Required. The budgets.')
param budgets budgetType[]

@description('Required. The action groups that are notified.')
param actionGroupIds string[]

@description('Required. The address of docs/how-to/watch-cost.md.')
param guideUrl string

var rows = join(map(budgets, budget => '"${budget.team}", ${budget.amount}'), ', ')
var query = replace(
  replace(
    loadTextContent('../queries/budget/over-budget.kql'),
    'COSTS',
    'adx("${clusterUri}/${databaseName}").costs(month, now())'
  ),
  'BUDGETS',
  'datatable(team: string, budget: real)[${rows}]'
)

resource rule 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: '${prefix}-budget'
  location: location
  tags: tags
  kind: 'LogAlert'
  identity: { type: 'SystemAssigned' }
  properties: {
    displayName: 'fnsse: a team is over its budget'
    description: 'What the calls of a team cost this month, at list prices, is more than its budget. What to do: ${guideUrl}'
    severity: 2
    enabled: true
    scopes: [workspaceId]
    // The function that it calls may not exist yet. The tests run the query.
    skipQueryValidation: true
    evaluationFrequency: 'PT1H'
    // The range of the workspace, which the query does not read. The query has its own range.
    windowSize: 'PT1H'
    criteria: {
      allOf: [
        {
          query: query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          // One alert for each team; the notification has its name.
          dimensions: [{ name: 'team', operator: 'Include', values: ['*'] }]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: true
    actions: { actionGroups: actionGroupIds, customProperties: { guide: guideUrl } }
  }
}

resource cluster 'Microsoft.Kusto/clusters@2025-02-14' existing = {
  name: clusterName

  resource database 'databases' existing = {
    name: databaseName
  }
}

resource reader 'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14' = {
  parent: cluster::database
  name: guid(rule.id, 'Viewer')
  properties: {
    principalId: rule.identity.principalId
    principalType: 'App'
    role: 'Viewer'
    tenantId: tenant().tenantId
  }
}
