import { nothingLogged } from 'api-logging.bicep'
import { circuitBreakerType, poolMemberType } from 'types.bicep'

metadata description = 'The pool: an API on API Management that the app alone may call, in front of several Azure OpenAI accounts.'

@description('Required. Name of the API Management instance, in the resource group that this module is deployed to. Its identity needs the role Cognitive Services OpenAI User on each account.')
param serviceName string

@description('Required. The prefix of the names of everything that it adds, as in api-management.bicep, which has to be deployed before because it makes the loggers.')
@minLength(1)
@maxLength(40)
param name string

@description('Required. The path of the API, which ends in /openai.')
param path string

@description('Required. Client id of the app\'s identity: the pool accepts only its token for Azure OpenAI.')
param appClientId string

@description('Required. The accounts. API Management takes at most 30 in a pool.')
@minLength(2)
@maxLength(30)
param members poolMemberType[]

@description('Required. When an account gets no calls for a while.')
param circuitBreaker circuitBreakerType

@description('Optional. Percentage of calls without an error that the gateway reports to Application Insights.')
@minValue(0)
@maxValue(100)
param samplingPercentage int = 100

var methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName

  resource insightsLogger 'loggers' existing = {
    name: '${name}-insights'
  }

  resource azureMonitorLogger 'loggers' existing = {
    name: 'azuremonitor'
  }
}

resource accounts 'Microsoft.ApiManagement/service/backends@2024-05-01' = [
  for (member, index) in members: {
    parent: service
    name: '${name}-account-${index + 1}'
    properties: {
      title: '${name}-account-${index + 1}'
      description: 'An Azure OpenAI account of the pool'
      protocol: 'http'
      url: '${member.endpoint}openai'
      tls: {
        validateCertificateChain: true
        validateCertificateName: true
      }
      // API Management allows one rule for each backend. One failure opens it, because the retry of
      // the same call gets another account only if the pool no longer picks this one.
      circuitBreaker: {
        rules: [
          {
            name: 'refused'
            failureCondition: {
              count: circuitBreaker.?failures ?? 1
              interval: 'PT1M'
              statusCodeRanges: [{ min: 429, max: 429 }, { min: 500, max: 599 }]
            }
            // For a response without Retry-After. A 429 of Azure OpenAI has it.
            tripDuration: 'PT${circuitBreaker.?seconds ?? 10}S'
            acceptRetryAfter: true
          }
        ]
      }
    }
  }
]

resource pool 'Microsoft.ApiManagement/service/backends@2024-05-01' = {
  parent: service
  name: '${name}-pool'
  // A pool has neither an address nor a protocol, which the compiler's types require.
  #disable-next-line BCP035
  properties: {
    title: '${name}-pool'
    description: 'The Azure OpenAI accounts behind ${name}'
    type: 'Pool'
    pool: {
      services: [
        for (member, index) in members: {
          id: accounts[index].id
          priority: member.priority
          weight: member.weight
        }
      ]
    }
  }
}

// host=account=region;…
resource accountsValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: '${name}-accounts'
  properties: {
    displayName: '${name}-accounts'
    value: join(
      map(members, member => '${split(split(member.endpoint, '//')[1], '/')[0]}=${member.account}=${member.region}'),
      ';'
    )
    secret: false
  }
}

resource tenantValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: '${name}-tenant-id'
  properties: {
    displayName: '${name}-tenant-id'
    value: tenant().tenantId
    secret: false
  }
}

resource appValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = {
  parent: service
  name: '${name}-app-client-id'
  properties: {
    displayName: '${name}-app-client-id'
    value: appClientId
    secret: false
  }
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: '${name}-pool'
  properties: {
    displayName: 'Azure OpenAI accounts behind ${name}'
    description: 'For the function app alone, which comes with the token of its identity'
    type: 'http'
    path: path
    protocols: ['https']
    subscriptionRequired: false
  }
}

resource operations 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = [
  for method in methods: {
    parent: api
    name: 'relay-${toLower(method)}'
    properties: {
      displayName: '${method} /${path}/*'
      method: method
      urlTemplate: '/*'
    }
  }
]

resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: 'xml'
    value: replace(
      replace(loadTextContent('../policies/pool.xml'), 'FNSSE-NAME', name),
      'RETRIES',
      string(length(members) - 1)
    )
  }
  dependsOn: [pool, accountsValue, tenantValue, appValue]
}

resource insightsDiagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = {
  parent: api
  name: 'applicationinsights'
  properties: {
    loggerId: service::insightsLogger.id
    alwaysLog: 'allErrors'
    httpCorrelationProtocol: 'W3C'
    operationNameFormat: 'Name'
    verbosity: 'information'
    logClientIp: false
    sampling: {
      samplingType: 'fixed'
      percentage: samplingPercentage
    }
    frontend: nothingLogged
    backend: nothingLogged
  }
}

resource azureMonitorDiagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = {
  parent: api
  name: 'azuremonitor'
  properties: {
    loggerId: service::azureMonitorLogger.id
    alwaysLog: 'allErrors'
    verbosity: 'information'
    logClientIp: false
    sampling: {
      samplingType: 'fixed'
      percentage: 100
    }
    frontend: nothingLogged
    backend: nothingLogged
  }
}
