import { tagsType } from 'types.bicep'

metadata description = 'Alerts on what Azure measures by itself, of the app and of what it needs: they need no line of the app.'

@description('Required. The beginning of their names.')
param prefix string

@description('Required. Region of the availability test: that of Application Insights.')
param location string

@description('Required. Their tags.')
param tags tagsType

@description('Required. The Application Insights that keeps the results of the availability test.')
param applicationInsightsId string

@description('Required. Whether the app is reached only over a private endpoint. Then nothing can call it from outside, and there is no availability test.')
param private bool

@description('Required. Host name of the app.')
param functionAppHostName string

@description('Required. Resource id of the Event Hubs namespace; null: it is in another subscription, in which its owner may have a rule.')
param eventHubsNamespaceId string?

@description('Required. Resource ids of the storage accounts.')
param storageAccountIds string[]

@description('Required. Resource ids of the Azure OpenAI accounts.')
param openAiAccountIds string[]

@description('Required. Resource id of an API Management of a v2 tier; null: it has an owner who watches it.')
param gatewayId string?

@description('Required. The address of the folder docs/how-to. Each rule links to its page there.')
param runbookUrl string

@description('Required. The action groups that are notified.')
param actionGroupIds string[]

var actions = map(actionGroupIds, id => { actionGroupId: id })
// West Europe, East US, Southeast Asia.
var locations = ['emea-nl-ams-azr', 'us-va-ash-azr', 'apac-sg-sin-azr']

// Application Insights finds its tests by the tag hidden-link.
// 2022-06-15 is the newest there is.
#disable-next-line use-recent-api-versions
resource ready 'Microsoft.Insights/webtests@2022-06-15' = if (!private) {
  name: '${prefix}-ready'
  location: location
  tags: union(tags, { 'hidden-link:${applicationInsightsId}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: '${prefix}-ready'
    Name: 'fnsse: /health/ready'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: map(locations, id => { Id: id })
    Request: {
      RequestUrl: 'https://${functionAppHostName}/health/ready'
      HttpVerb: 'GET'
      ParseDependentRequests: false
    }
    ValidationRules: { ExpectedHttpStatusCode: 200, SSLCheck: true, SSLCertRemainingLifetimeCheck: 7 }
  }
}

// 2018-03-01 is the newest stable one.
#disable-next-line use-recent-api-versions
resource notReady 'Microsoft.Insights/metricAlerts@2018-03-01' = if (!private) {
  name: '${prefix}-not-ready'
  location: 'global'
  tags: tags
  properties: {
    description: 'The app does not answer, or does not reach what it needs. What to do: ${runbookUrl}/alerts/not-ready.md'
    severity: 1
    enabled: true
    scopes: [ready.id, applicationInsightsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: ready.id
      componentId: applicationInsightsId
      failedLocationCount: 2
    }
    autoMitigate: true
    actions: actions
  }
}

// Azure's metrics of single resources: a rule for each, because a rule over several resources needs
// them in one region, and a type that allows it.
var measured = concat(
  eventHubsNamespaceId == null
    ? []
    : [
        {
          prefix: ''
          section: 'event-hub-throttled'
          description: 'The Event Hub has too few throughput units. Events are late, none is lost.'
          severity: 2
          resourceId: eventHubsNamespaceId!
          metric: 'ThrottledRequests'
          aggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: []
        }
      ],
  map(storageAccountIds, (id, index) => {
    prefix: '${index}-'
    section: 'storage-unavailable'
    description: 'Storage does not answer all calls. Envelopes and captures are tried again, and reconcile waits.'
    severity: 2
    resourceId: id
    metric: 'Availability'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 99
    dimensions: []
  }),
  map(openAiAccountIds, (id, index) => {
    prefix: '${index}-'
    section: 'openai-throttled'
    description: 'Azure OpenAI refuses calls with 429. Callers see it; nothing is wrong with fnsse.'
    severity: 3
    resourceId: id
    metric: 'AzureOpenAIRequests'
    aggregation: 'Total'
    operator: 'GreaterThan'
    threshold: 100
    dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
  }),
  gatewayId == null
    ? []
    : [
        {
          prefix: ''
          section: 'gateway-busy'
          description: 'The gateway of API Management is near the end of its capacity. Calls get slow.'
          severity: 2
          resourceId: gatewayId!
          metric: 'CpuPercent_Gateway'
          aggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 80
          dimensions: []
        }
      ]
)

// 2018-03-01 is the newest stable one.
#disable-next-line use-recent-api-versions
resource measuredRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for rule in measured: {
    name: '${prefix}-${rule.prefix}${rule.section}'
    location: 'global'
    tags: tags
    properties: {
      description: '${rule.description} What to do: ${runbookUrl}/alerts/${rule.section}.md'
      severity: rule.severity
      enabled: true
      scopes: [rule.resourceId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT15M'
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: rule.metric
            metricName: rule.metric
            timeAggregation: rule.aggregation
            operator: rule.operator
            threshold: rule.threshold
            dimensions: rule.dimensions
          }
        ]
      }
      autoMitigate: true
      actions: actions
    }
  }
]
