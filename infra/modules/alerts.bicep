import { tagsType } from 'types.bicep'

metadata description = 'Alerts on what the app logs. Each query finds rows only when there is something to say.'

@description('Required. The beginning of their names.')
param prefix string

@description('Required. Their region: that of Application Insights.')
param location string

@description('Required. Their tags.')
param tags tagsType

@description('Required. The Application Insights that the queries read.')
param applicationInsightsId string

@description('Required. The action groups that are notified.')
param actionGroupIds string[]

@description('Required. The address of the folder docs/how-to. Each rule links to its page there.')
param runbookUrl string

// Severity 0 critical, 1 error, 2 warning. `dimensions` are columns of the query: each of their
// values raises a separate alert, and the notification has it. The queries are
// infra/queries/*.kql; each can be run by hand in Application Insights.
var alerts = [
  {
    name: 'poison'
    title: 'fnsse: the queue gave up envelopes, or exchanges became dead letters'
    description: 'Clients notice nothing. What was given up is delivered by reconcile; what became a dead letter needs a look.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    dimensions: ['what']
    query: loadTextContent('../queries/poison.kql')
  }
  {
    name: 'reconcile-incomplete'
    title: 'fnsse: exchanges are missing on the Event Hub'
    description: 'Clients notice nothing. An hour is not complete although reconcile has had time to deliver it, or reconcile has stopped judging.'
    severity: 1
    every: 'PT30M'
    window: 'PT6H'
    dimensions: ['what', 'reason']
    query: loadTextContent('../queries/reconcile-incomplete.kql')
  }
  {
    name: 'error-share'
    title: 'fnsse: many calls fail'
    description: 'Clients get errors. The share of calls that were answered with a server error, or broke off, is high.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    dimensions: ['what']
    query: loadTextContent('../queries/error-share.kql')
  }
  {
    name: 'time-to-first-chunk'
    title: 'fnsse: streams begin late'
    description: 'Clients wait. The 95th percentile of the time to the first chunk is high.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    dimensions: []
    query: loadTextContent('../queries/time-to-first-chunk.kql')
  }
  {
    name: 'nothing-delivered'
    title: 'fnsse: calls arrive, and nothing is delivered'
    description: 'Clients notice nothing, and nothing is lost. Calls were answered, and no event reached the Event Hub: they wait on the queue.'
    severity: 1
    every: 'PT5M'
    window: 'PT30M'
    dimensions: []
    query: loadTextContent('../queries/nothing-delivered.kql')
  }
  {
    name: 'not-recorded'
    title: 'fnsse: exchanges could not be recorded'
    description: 'Storage took neither how an exchange ended nor its message. The log has the only trace of it, for as long as logs are kept.'
    severity: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: ['what']
    query: loadTextContent('../queries/not-recorded.kql')
  }
  {
    name: 'altered'
    title: 'fnsse: captures were altered in storage'
    description: 'Clients notice nothing. The capture of an exchange is not the one that was stored, or delivered before: somebody altered or deleted it.'
    severity: 0
    every: 'PT5M'
    window: 'PT15M'
    dimensions: ['what']
    query: loadTextContent('../queries/altered.kql')
  }
  {
    name: 'gateway-refused'
    title: 'fnsse: the gateway does not get through to the app'
    description: 'The app refuses the calls of API Management, does not answer them, or has loaded no function.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    dimensions: ['what']
    query: loadTextContent('../queries/gateway-refused.kql')
  }
  {
    name: 'app-silent'
    title: 'fnsse: the app does not run'
    description: 'The timer of reconcile has not run for an hour.'
    severity: 1
    every: 'PT15M'
    window: 'P2D' // the longest there is: a rule that sees nothing any more falls silent as well
    dimensions: []
    query: loadTextContent('../queries/app-silent.kql')
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for alert in alerts: {
    name: '${prefix}-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.title
      description: '${alert.description} What to do: ${runbookUrl}/alerts/${alert.name}.md'
      severity: alert.severity
      enabled: true
      scopes: [applicationInsightsId]
      // The tables of a new Application Insights do not exist yet. The tests run the queries.
      skipQueryValidation: true
      evaluationFrequency: alert.every
      windowSize: alert.window
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: map(alert.dimensions, column => { name: column, operator: 'Include', values: ['*'] })
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: {
        actionGroups: actionGroupIds
        customProperties: { runbook: '${runbookUrl}/alerts/${alert.name}.md' }
      }
    }
  }
]
