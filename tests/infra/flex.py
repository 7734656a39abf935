"""The site properties that Flex Consumption takes of an app, and those that it refuses."""

from __future__ import annotations

from typing import Final

# The table of deprecated properties in Microsoft's page on the Flex Consumption plan, with those of
# error 51021 in microsoft/azure-pipelines-tasks#21032, Azure/azure-functions-host#10643 and
# Azure/terraform-azurerm-avm-res-web-site#345 (read on 2026-11-27).
REFUSED_ON_FLEX: Final = {
    "alwaysOn",
    "containerSize",
    "ftpsState",
    "functionAppScaleLimit",
    "functionsRuntimeScaleMonitoringEnabled",
    "isReserved",
    "isXenon",
    "javaVersion",
    "linuxFxVersion",
    "minimumElasticInstanceCount",
    "netFrameworkVersion",
    "numberOfWorkers",
    "powerShellVersion",
    "preWarmedInstanceCount",
    "use32BitWorkerProcess",
    "vnetBackupRestoreEnabled",
    "vnetContentShareEnabled",
    "vnetImagePullEnabled",
    "vnetRouteAllEnabled",
    "windowsFxVersion",
}
# What the azurerm provider sends for such an app (ExpandSiteConfigFunctionFlexConsumptionApp).
TAKEN_ON_FLEX: Final = {
    "appSettings",
    "cors",
    "http20Enabled",
    "ipSecurityRestrictions",
    "ipSecurityRestrictionsDefaultAction",
    "minTlsVersion",
    "remoteDebuggingEnabled",
    "scmIpSecurityRestrictionsDefaultAction",
    "scmIpSecurityRestrictionsUseMain",
    "scmMinTlsVersion",
}
