"""What the desk stands on: chain, nodes, transactions, sources."""

from __future__ import annotations

from pmm.monitoring.boards.board import Board, Panel, PanelKind, Query, Section

PLUMBING = Board(
    uid="pmm-plumbing",
    title="pmm: chain and sources",
    says="Indexer, nodes, transactions, sources beyond the chain.",
    sections=(
        Section(
            title="Chain",
            panels=(
                Panel(
                    title="Block", kind=PanelKind.NUMBER, queries=(Query("max(pmm_indexer_block)", "block"),)
                ),
                Panel(
                    title="Blocks behind",
                    lines=(2, 5),
                    queries=(Query("max(pmm_indexer_lag_blocks)", "blocks"),),
                ),
                Panel(
                    title="Age of the newest block",
                    unit="s",
                    lines=(30, 60),
                    queries=(Query("max(pmm_indexer_lag_seconds)", "age"),),
                ),
                Panel(
                    title="Reorganisations",
                    queries=(
                        Query("sum(increase(pmm_indexer_reorgs_total[$__rate_interval]))", "healed"),
                        Query("max(pmm_indexer_last_reorg_depth)", "depth of the last"),
                    ),
                ),
                Panel(
                    title="Node health",
                    unit="percentunit",
                    queries=(Query('pmm_node_score{part="total"}', "{{node}}"),),
                    says="0.7 sync and 0.3 response time; above 95 % is good.",
                ),
                Panel(
                    title="Node in use",
                    kind=PanelKind.TABLE,
                    queries=(Query("pmm_node_active", ""),),
                ),
                Panel(
                    title="Parts of the score",
                    unit="percentunit",
                    queries=(Query('pmm_node_score{part!="total"}', "{{node}} {{part}}"),),
                ),
                Panel(
                    title="Heads told by",
                    kind=PanelKind.TABLE,
                    queries=(Query("pmm_heads_source", ""),),
                ),
                Panel(
                    title="Heads that fell back to HTTP",
                    queries=(
                        Query("sum by (why) (increase(pmm_heads_falls_total[$__rate_interval]))", "{{why}}"),
                        Query("sum(increase(pmm_heads_reconnects_total[$__rate_interval]))", "reconnects"),
                    ),
                ),
                Panel(
                    title="Switches of node",
                    queries=(Query("sum(increase(pmm_node_switches_total[$__rate_interval]))", "switches"),),
                ),
            ),
        ),
        Section(
            title="Transactions",
            panels=(
                Panel(title="Gas price, gwei", queries=(Query("max(pmm_gas_price_gwei)", "gas price"),)),
                Panel(
                    title="Transactions",
                    queries=(
                        Query(
                            "sum by (purpose, outcome) (increase(pmm_transactions_total[$__rate_interval]))",
                            "{{purpose}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Gas paid",
                    unit="currencyUSD",
                    queries=(Query("sum by (purpose) (pmm_transaction_gas_usd_total)", "{{purpose}}"),),
                ),
                Panel(
                    title="Blocks to inclusion, p90",
                    lines=(2, 5),
                    queries=(
                        Query(
                            "histogram_quantile(0.9, "
                            "sum by (le) (rate(pmm_transaction_inclusion_blocks_bucket[$__rate_interval])))",
                            "p90",
                        ),
                    ),
                ),
            ),
        ),
        Section(
            title="Sources",
            panels=(
                Panel(
                    title="Health",
                    kind=PanelKind.TABLE,
                    queries=(Query("pmm_source_healthy", ""),),
                ),
                Panel(title="Breakers", lines=(1, 2), queries=(Query("pmm_source_breaker", "{{source}}"),)),
                Panel(
                    title="Answers",
                    queries=(
                        Query(
                            "sum by (source, outcome) (increase(pmm_source_requests_total[$__rate_interval]))",
                            "{{source}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Time to an answer, p90",
                    unit="s",
                    queries=(
                        Query(
                            "histogram_quantile(0.9, "
                            "sum by (source, le) (rate(pmm_source_seconds_bucket[$__rate_interval])))",
                            "{{source}}",
                        ),
                    ),
                ),
                Panel(
                    title="Silence",
                    unit="s",
                    queries=(Query("time() - pmm_source_last_answer_timestamp_seconds", "{{source}}"),),
                ),
                Panel(
                    title="Fallbacks and skips",
                    queries=(
                        Query(
                            "sum by (role, source) (increase(pmm_source_fallbacks_total[$__rate_interval]))",
                            "{{role}} by {{source}}",
                        ),
                        Query(
                            "sum by (role) (increase(pmm_source_skips_total[$__rate_interval]))",
                            "{{role}} skipped",
                        ),
                    ),
                ),
                Panel(
                    title="Disagreement",
                    unit="percentunit",
                    lines=(0.01, 0.02),
                    queries=(Query("pmm_source_disagreement_ratio", "{{role}}"),),
                ),
            ),
        ),
    ),
)
