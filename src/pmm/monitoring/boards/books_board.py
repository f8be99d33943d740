"""What the desk holds, earns, hedges and borrows."""

from __future__ import annotations

from pmm.monitoring.boards.board import Board, Panel, PanelKind, Query, Section

_MARKOUT = (
    "histogram_quantile(0.5, sum by (horizon_s, le) (rate(pmm_desk_markout_bps_bucket[$__rate_interval])))"
)

BOOKS = Board(
    uid="pmm-books",
    title="pmm: books and hedges",
    says="Inventory, delta, profit and loss, hedges, lending.",
    sections=(
        Section(
            title="Money",
            panels=(
                Panel(
                    title="Portfolio",
                    unit="currencyUSD",
                    queries=(Query("max(pmm_desk_portfolio_usd)", "value"),),
                ),
                Panel(
                    title="Profit and loss by token",
                    unit="currencyUSD",
                    queries=(Query("sum by (token) (pmm_desk_pnl_usd)", "{{token}}"),),
                ),
                Panel(
                    title="Profit and loss by component",
                    unit="currencyUSD",
                    queries=(Query("sum by (component) (pmm_desk_pnl_usd)", "{{component}}"),),
                ),
                Panel(
                    title="Volume",
                    unit="currencyUSD",
                    queries=(
                        Query(
                            "sum by (venue, pair) (increase(pmm_desk_volume_usd_total[$__rate_interval]))",
                            "{{venue}} {{pair}}",
                        ),
                        Query(
                            "sum by (venue, pair) (increase(pmm_desk_volume_removed_usd_total[$__rate_interval]))",
                            "{{venue}} {{pair}} taken back",
                        ),
                    ),
                ),
                Panel(
                    title="Fills",
                    queries=(
                        Query(
                            "sum by (venue, pair) (increase(pmm_desk_fills_total[$__rate_interval]))",
                            "{{venue}} {{pair}}",
                        ),
                        Query(
                            "sum by (venue, pair) (increase(pmm_desk_fills_removed_total[$__rate_interval]))",
                            "{{venue}} {{pair}} taken back",
                        ),
                    ),
                ),
                Panel(
                    title="Median markout, bps",
                    queries=(Query(_MARKOUT, "{{horizon_s}} s"),),
                    says="Below zero for long: somebody knows more than we do.",
                ),
            ),
        ),
        Section(
            title="Inventory and exposure",
            panels=(
                Panel(
                    title="Inventory by token",
                    unit="currencyUSD",
                    queries=(Query("sum by (token) (pmm_desk_inventory_usd)", "{{token}}"),),
                ),
                Panel(
                    title="Inventory by place, tokens",
                    kind=PanelKind.TABLE,
                    queries=(Query("pmm_desk_inventory", ""),),
                ),
                Panel(
                    title="Net delta",
                    unit="percentunit",
                    lines=(0.02, 0.05),
                    queries=(Query("pmm_desk_delta_ratio", "{{asset}}"),),
                ),
                Panel(
                    title="Net delta, USD",
                    unit="currencyUSD",
                    queries=(Query("pmm_desk_delta_usd", "{{asset}}"),),
                ),
                Panel(
                    title="Books less chain, base units",
                    lines=(1, 1),
                    queries=(Query("pmm_desk_reconciliation_off_by", "{{token}} {{place}}"),),
                    says="Anything but zero is an alert.",
                ),
                Panel(
                    title="Comparisons with the chain",
                    queries=(
                        Query(
                            "sum by (outcome) (increase(pmm_desk_reconciliations_total[$__rate_interval]))",
                            "{{outcome}}",
                        ),
                    ),
                ),
            ),
        ),
        Section(
            title="Hedges",
            panels=(
                Panel(
                    title="Hedges by route and outcome",
                    queries=(
                        Query(
                            "sum by (route, outcome) (increase(pmm_hedges_total[$__rate_interval]))",
                            "{{route}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Intents",
                    queries=(
                        Query(
                            "sum by (asset, strategy) (increase(pmm_hedge_intents_total[$__rate_interval]))",
                            "{{asset}} {{strategy}}",
                        ),
                        Query("pmm_hedge_open_intents", "open {{state}}"),
                        Query("pmm_hedge_price_known", "price of {{token}} known"),
                    ),
                ),
                Panel(
                    title="Strategies: what is hedged, and what waits",
                    queries=(
                        Query("pmm_hedge_strategy", "{{asset}} by {{strategy}}"),
                        Query("pmm_hedge_ratio", "hedged part of {{asset}}"),
                        Query("pmm_hedge_ratio_known", "hedged part of {{asset}} known"),
                        Query("pmm_hedge_waiting_seconds", "delta of {{asset}} waits, s"),
                    ),
                ),
                Panel(
                    title="Signed quotes and paper positions",
                    queries=(
                        Query("pmm_pending_quotes", "signed quotes that may be filled"),
                        Query("pmm_pending_quotes_known", "signed quotes known"),
                        Query("pmm_pending_delta", "{{asset}} in signed quotes"),
                        Query("pmm_paper_perp_position", "{{asset}} on the paper perp venue"),
                        Query("pmm_paper_perp_position_usd", "{{asset}} on the paper perp venue, USD"),
                    ),
                ),
                Panel(
                    title="Fill to submitted hedge, p99",
                    unit="s",
                    lines=(0.02, 0.3),
                    queries=(
                        Query(
                            "histogram_quantile(0.99, "
                            "sum by (le) (rate(pmm_hedge_submit_seconds_bucket[$__rate_interval])))",
                            "p99",
                        ),
                    ),
                ),
                Panel(
                    title="Cost of a hedge, median bps",
                    queries=(
                        Query(
                            "histogram_quantile(0.5, "
                            "sum by (route, le) (rate(pmm_hedge_cost_bps_bucket[$__rate_interval])))",
                            "{{route}}",
                        ),
                    ),
                ),
            ),
        ),
        Section(
            title="Lending",
            panels=(
                Panel(
                    title="Liquidation buffer",
                    unit="percentunit",
                    queries=(Query("pmm_lending_buffer_ratio", "{{account}} {{market}}"),),
                    says="The desk works at 60 %, warns at 50 %, de-leverages at 10 %.",
                ),
                Panel(
                    title="Accounts that nothing of ours mends",
                    kind=PanelKind.NUMBER,
                    lines=(1, 1),
                    queries=(Query("sum(pmm_lending_short)", "accounts"),),
                    says="A person must act.",
                ),
                Panel(
                    title="Supply and debt",
                    unit="currencyUSD",
                    queries=(Query("pmm_lending_position_usd", "{{market}} {{token}} {{side}}"),),
                ),
                Panel(
                    title="Rates",
                    unit="percentunit",
                    queries=(Query("pmm_lending_rate_ratio", "{{market}} {{token}} {{side}}"),),
                ),
                Panel(
                    title="Keeper",
                    queries=(
                        Query(
                            "sum by (action, outcome) (increase(pmm_keeper_actions_total[$__rate_interval]))",
                            "{{action}} {{outcome}}",
                        ),
                        Query("sum(rate(pmm_keeper_rounds_total[$__rate_interval]))", "rounds per second"),
                    ),
                ),
            ),
        ),
    ),
)
