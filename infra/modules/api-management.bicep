import { nothingLogged } from 'api-logging.bicep'
import { limitOf } from 'team-limits.bicep'
import { clientTokensType, teamType } from 'types.bicep'

metadata description = 'The Azure OpenAI API in front of fnsse, on an API Management instance that exists. Everything that it adds carries the name of the environment.'

@export()
@description('How the function app recognises its gateway: by a function key, or by the Entra token of the gateway\'s managed identity.')
type callerAuthentication = 'function_key' | 'entra'

@description('Required. Name of the API Management instance, in the resource group that this module is deployed to. It needs a system-assigned identity.')
param serviceName string

@description('Required. The prefix of the names of everything that it adds, such as fnsse-prod: several environments may share an instance.')
@minLength(1)
@maxLength(40)
param name string

@description('Required. Host name of the function app, such as contoso.azurewebsites.net.')
param functionAppHostName string

@description('Required. How the function app recognises its gateway.')
param callerAuth callerAuthentication

@description('Optional. Required if callerAuth is entra: the application (client) id or the application id URI of the app registration that is the token\'s audience.')
param audience string = ''

@description('Optional. Required if callerAuth is function_key: versionless address of the Key Vault secret that holds the function key. The instance\'s identity needs the role Key Vault Secrets User on it before this module runs.')
param functionKeySecretUri string = ''

@description('Required. Resource id of the Application Insights that the gateway reports calls to. The instance\'s identity needs the role Monitoring Metrics Publisher on it.')
param applicationInsightsResourceId string

@description('Optional. Percentage of calls without an error that the gateway reports to Application Insights.')
@minValue(0)
@maxValue(100)
param samplingPercentage int = 100

@description('Optional. Whether the function app is reachable only from its virtual network. The tier of the instance must then reach that network.')
param privateNetwork bool = false

@description('Optional. First segments of the API\'s path, if /openai is taken on this instance: `ai` makes it /ai/openai, and azure_endpoint then ends in /ai.')
param pathPrefix string = ''

@description('Optional. The teams, for their applications that call with an Entra token. api-management-teams.bicep makes their products.')
param teams teamType[] = []

@description('Optional. The claims that those tokens must have. Needed if a team has applications.')
param clientTokens clientTokensType?

@description('Optional. Names of subscriptions to create for the first callers. Their keys stay in API Management.')
param subscriptionNames string[] = ['${name}-first']

var tiersThatReachANetwork = ['StandardV2', 'PremiumV2', 'Premium', 'Developer']
var methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']
var path = empty(pathPrefix) ? 'openai' : '${pathPrefix}/openai'
var entra = callerAuth == 'entra'

var checkedAudience = entra && empty(audience)
  ? fail('callerAuth entra needs audience: the app registration that API Management asks a token for (docs/how-to/authenticate-callers.md)')
  : audience
var checkedSecretUri = !entra && empty(functionKeySecretUri)
  ? fail('callerAuth function_key needs functionKeySecretUri: the Key Vault secret that holds the function key')
  : functionKeySecretUri

var authFragment = entra
  ? loadTextContent('../policies/caller-auth-entra.xml')
  : loadTextContent('../policies/caller-auth-function-key.xml')

@description('The placeholder of the name in the policies.')
var placeholder = 'FNSSE-NAME'

var teamsWithApplications = filter(teams, team => !empty(team.?applicationIds))
var byToken = !empty(teamsWithApplications)
var applications = flatten(map(
  teamsWithApplications,
  team => map(team.?applicationIds ?? [], id => { id: toLower(id), team: team.name })
))
var checkedTokens = byToken && clientTokens == null
  ? fail('A team has applicationIds, and clientTokens is missing: the audience of their tokens (docs/how-to/give-teams-limits.md)')
  : clientTokens
// Each placeholder of policies/client-auth.xml, and its replacement.
var clientAuth = reduce(
  [
    ['TENANT-ID', tenant().tenantId]
    ['AUDIENCE', checkedTokens.?audience ?? '']
    ['APP-ROLE', checkedTokens.?role ?? 'OpenAI.Call']
    ['TEAMS', join(map(applications, application => '${application.id}=${application.team}'), ';')]
    [
      '<!-- APPLICATIONS -->'
      join(map(applications, application => '<application-id>${application.id}</application-id>'), '')
    ]
    [
      '<!-- LIMITS -->'
      join(
        map(
          teamsWithApplications,
          team =>
            '<when condition=\'@((string)context.Variables["fnsseTeam"] == "${team.name}")\'>${limitOf(name, team)}</when>'
        ),
        ''
      )
    ]
  ],
  loadTextContent('../policies/client-auth.xml'),
  (text, pair) => replace(string(text), string(pair[0]), string(pair[1]))
)

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  scope: resourceGroup(split(applicationInsightsResourceId, '/')[2], split(applicationInsightsResourceId, '/')[4])
  name: last(split(applicationInsightsResourceId, '/'))
}

resource service 'Microsoft.ApiManagement/service@2024-05-01' existing = {
  name: serviceName
}

resource backend 'Microsoft.ApiManagement/service/backends@2024-05-01' = {
  parent: service
  name: name
  properties: {
    title: name
    description: service.sku.name == 'Consumption'
      ? fail('API Management of tier Consumption cannot stream: it buffers responses. Choose another tier')
      : privateNetwork && !contains(tiersThatReachANetwork, service.sku.name)
          ? fail('The network switch is on, and this API Management tier cannot reach a virtual network. Choose StandardV2 or PremiumV2')
          : 'The function app that relays to Azure OpenAI and records what happened'
    protocol: 'http'
    url: 'https://${functionAppHostName}/openai'
    tls: {
      validateCertificateChain: true
      validateCertificateName: true
    }
  }
}

resource audienceValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (entra) {
  parent: service
  name: '${name}-audience'
  properties: {
    displayName: '${name}-audience'
    value: checkedAudience
    secret: false
  }
}

resource functionKeyValue 'Microsoft.ApiManagement/service/namedValues@2024-05-01' = if (!entra) {
  parent: service
  name: '${name}-function-key'
  properties: {
    displayName: '${name}-function-key'
    secret: true
    keyVault: {
      secretIdentifier: checkedSecretUri
    }
  }
}

resource callerAuthFragment 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = {
  parent: service
  name: '${name}-caller-auth'
  properties: {
    description: 'How fnsse knows this gateway'
    format: 'xml'
    value: replace(authFragment, placeholder, name)
  }
  dependsOn: [
    audienceValue
    functionKeyValue
  ]
}

resource clientAuthFragment 'Microsoft.ApiManagement/service/policyFragments@2024-05-01' = if (byToken) {
  parent: service
  name: '${name}-client-auth'
  properties: {
    description: 'Which applications may call ${name} with an Entra token'
    format: 'xml'
    value: string(clientAuth)
  }
}

// The first version that takes a key as a bearer token, as plain OpenAI clients send it. There is
// no stable one yet.
#disable-next-line use-recent-api-versions
resource api 'Microsoft.ApiManagement/service/apis@2025-03-01-preview' = {
  parent: service
  name: '${name}-openai'
  properties: {
    displayName: 'Azure OpenAI through ${name}'
    description: 'Every Azure OpenAI route below /openai, streaming or not, as the service itself has it'
    type: 'http'
    path: path
    protocols: ['https']
    // Without a key the policy asks for a token, if any application may call with one.
    subscriptionRequired: !byToken
    // A bearer token is a key or an Entra token, not either. The compiler's types do not know the
    // property.
    #disable-next-line BCP037
    subscriptionKeyParameterNames: union(
      { header: 'api-key', query: 'subscription-key' },
      byToken ? {} : { bearer: 'enabled' }
    )
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
      replace(
        loadTextContent('../policies/openai.xml'),
        '<!-- CLIENT-AUTH -->',
        byToken ? '<include-fragment fragment-id="${placeholder}-client-auth" />' : ''
      ),
      placeholder,
      name
    )
  }
  dependsOn: [
    backend
    callerAuthFragment
    clientAuthFragment
  ]
}

resource insightsLogger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: '${name}-insights'
  properties: {
    loggerType: 'applicationInsights'
    description: 'Application Insights of fnsse, by managed identity'
    resourceId: applicationInsightsResourceId
    isBuffered: true
    credentials: {
      connectionString: insights.properties.ConnectionString
      identityClientId: 'SystemAssigned'
    }
  }
}

resource azureMonitorLogger 'Microsoft.ApiManagement/service/loggers@2024-05-01' = {
  parent: service
  name: 'azuremonitor'
  properties: {
    loggerType: 'azureMonitor'
    isBuffered: true
  }
}

resource insightsDiagnostic 'Microsoft.ApiManagement/service/apis/diagnostics@2024-05-01' = {
  parent: api
  name: 'applicationinsights'
  properties: {
    loggerId: insightsLogger.id
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
    loggerId: azureMonitorLogger.id
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

resource product 'Microsoft.ApiManagement/service/products@2024-05-01' = {
  parent: service
  name: '${name}-openai'
  properties: {
    displayName: 'Azure OpenAI through ${name}'
    description: 'Subscribe to this product for a key that an OpenAI SDK takes as api_key'
    subscriptionRequired: true
    approvalRequired: true
    state: 'published'
  }
}

resource productApi 'Microsoft.ApiManagement/service/products/apiLinks@2024-05-01' = {
  parent: product
  name: '${name}-openai'
  properties: {
    apiId: api.id
  }
}

resource subscriptions 'Microsoft.ApiManagement/service/subscriptions@2024-05-01' = [
  for subscription in subscriptionNames: {
    parent: service
    name: subscription
    properties: {
      displayName: subscription
      scope: product.id
      state: 'active'
      allowTracing: false
    }
  }
]

@description('The azure_endpoint of an OpenAI SDK.')
output endpoint string = empty(pathPrefix)
  ? service.properties.gatewayUrl
  : '${service.properties.gatewayUrl}/${pathPrefix}'

@description('Object id of the managed identity whose token the app accepts if callerAuth is entra.')
output principalId string = service.identity.principalId

@description('Name of the API.')
output apiName string = api.name
