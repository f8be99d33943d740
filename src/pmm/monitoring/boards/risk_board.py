"""The first board: is the desk safe, and if not, what is wrong and what was done."""

from __future__ import annotations

from pmm.monitoring.boards.board import Board, Panel, PanelKind, Query, Section

RISK = Board(
    uid="pmm-risk",
    title="pmm: risk",
    says="State of every metric of the risk book, possible losses, actions, alerts.",
    sections=(
        Section(
            title="State",
            panels=(
                Panel(
                    title="Desk",
                    kind=PanelKind.STATES,
                    width=4,
                    queries=(Query("max(pmm_desk_state)", "desk"),),
                    says="The worst of all metrics.",
                ),
                Panel(
                    title="Metrics that are not normal",
                    kind=PanelKind.NUMBER,
                    width=4,
                    lines=(1, 5),
                    queries=(Query("sum(pmm_risk_state >= bool 2)", "metrics"),),
                ),
                Panel(
                    title="Metrics unknown",
                    kind=PanelKind.NUMBER,
                    width=4,
                    lines=(1, 3),
                    queries=(Query("sum(pmm_risk_known == bool 0)", "metrics"),),
                    says="Unknown is never good: it counts as a warning.",
                ),
                Panel(
                    title="Alerts standing",
                    kind=PanelKind.NUMBER,
                    width=4,
                    lines=(1, 3),
                    queries=(Query("sum by (severity) (pmm_alerts_firing)", "{{severity}}"),),
                ),
                Panel(
                    title="Commands waiting for a yes",
                    kind=PanelKind.NUMBER,
                    width=4,
                    lines=(1, 3),
                    queries=(Query("max(pmm_actions_waiting)", "waiting"),),
                ),
                Panel(
                    title="Audit log",
                    kind=PanelKind.NUMBER,
                    width=4,
                    queries=(Query("min(pmm_audit_intact)", "intact"),),
                    says="1 while its hash chain holds.",
                ),
                Panel(
                    title="State of each metric",
                    kind=PanelKind.STATES,
                    width=24,
                    queries=(Query("max by (metric) (pmm_risk_state)", "{{metric}}"),),
                ),
                Panel(
                    title="Metrics",
                    kind=PanelKind.TABLE,
                    width=24,
                    queries=(Query("pmm_risk_metric", ""),),
                    says="Value of each metric and subject; its lines are in the risk book.",
                ),
            ),
        ),
        Section(
            title="Possible losses",
            panels=(
                Panel(
                    title="Value at risk and expected shortfall, 99 %, one day",
                    unit="currencyUSD",
                    queries=(
                        Query('pmm_risk_loss_usd{measure="var"}', "VaR {{method}}"),
                        Query('pmm_risk_loss_usd{measure="shortfall"}', "shortfall {{method}}"),
                        Query('-pmm_risk_loss_usd{method="realised"}', "realised loss"),
                    ),
                ),
                Panel(
                    title="Days beyond the VaR",
                    kind=PanelKind.NUMBER,
                    queries=(Query("sum(pmm_var_exceedances_total)", "days"),),
                    says="About one in a hundred; many more, and the model is wrong.",
                ),
                Panel(
                    title="Backtest: days and exceptions of the newest 250",
                    kind=PanelKind.NUMBER,
                    queries=(Query("pmm_var_backtest", "{{method}} {{count}}"),),
                    says="Below 250 days there is no verdict.",
                ),
                Panel(
                    title="Backtest: chance of a worse record were the method right",
                    kind=PanelKind.TABLE,
                    queries=(Query("pmm_var_backtest_p_value", ""),),
                    says="Kupiec, Christoffersen, both; unknown before 250 days.",
                ),
                Panel(
                    title="Backtest: 0 green, 1 yellow, 2 red",
                    kind=PanelKind.NUMBER,
                    lines=(1, 2),
                    queries=(Query("pmm_var_backtest_zone", "{{method}}"),),
                    says="Exceptions in 250 days: to 4, to 9, more.",
                ),
                Panel(
                    title="Prices that are missing",
                    kind=PanelKind.NUMBER,
                    queries=(Query("max(pmm_risk_needs_prices)", "prices"),),
                    says="Value at risk is unknown until so many more were seen.",
                ),
                Panel(
                    title="Stress scenarios",
                    kind=PanelKind.BARS,
                    unit="currencyUSD",
                    queries=(Query("pmm_stress_pnl_usd", "{{scenario}}"),),
                ),
            ),
        ),
        Section(
            title="What was done",
            panels=(
                Panel(
                    title="Commands",
                    width=12,
                    queries=(
                        Query(
                            "sum by (action, outcome) (increase(pmm_actions_total[$__rate_interval]))",
                            "{{action}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Changes of state",
                    width=12,
                    queries=(
                        Query(
                            "sum by (metric, state) (increase(pmm_risk_state_changes_total[$__rate_interval]))",
                            "{{metric}} {{state}}",
                        ),
                    ),
                ),
                Panel(
                    title="Alerts",
                    width=12,
                    queries=(
                        Query(
                            "sum by (severity, fate) (increase(pmm_alerts_raised_total[$__rate_interval]))",
                            "{{severity}} {{fate}}",
                        ),
                    ),
                ),
                Panel(
                    title="Deliveries of alerts",
                    width=12,
                    queries=(
                        Query(
                            "sum by (channel, outcome) (increase(pmm_alert_deliveries_total[$__rate_interval]))",
                            "{{channel}} {{outcome}}",
                        ),
                        Query("pmm_alert_outbox", "{{channel}} waiting"),
                    ),
                ),
                Panel(
                    title="Quotes held to the desk's risk",
                    kind=PanelKind.NUMBER,
                    width=24,
                    queries=(Query("min by (server) (pmm_pre_trade_told)", "{{server}}"),),
                    says="1 while the quote server took the newest state; at 0 it stops quoting by the state's age.",
                ),
            ),
        ),
    ),
)
