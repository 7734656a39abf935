import { teamType } from 'types.bicep'

// A team's limits as a statement of a policy. All policies with the same counter key share one
// counter, so that a team's keys and its applications' tokens use one budget.

@export()
@description('The statement that applies a team\'s limits. Empty: it has none.')
func limitOf(name string, team teamType) string =>
  team.?tokensPerMinute == null && team.?monthlyTokens == null
    ? ''
    : '<llm-token-limit counter-key="${name}-team-${team.name}"${_rate(team)}${_quota(team)} estimate-prompt-tokens="false" />'

func _rate(team teamType) string =>
  team.?tokensPerMinute == null ? '' : ' tokens-per-minute="${team.?tokensPerMinute ?? 0}"'

func _quota(team teamType) string =>
  team.?monthlyTokens == null ? '' : ' token-quota="${team.?monthlyTokens ?? 0}" token-quota-period="Monthly"'
