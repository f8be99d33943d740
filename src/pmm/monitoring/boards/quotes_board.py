"""The quote server: docs/operations.md explains its metrics."""

from __future__ import annotations

from pmm.monitoring.boards.board import Board, Panel, PanelKind, Query, Section

QUOTES = Board(
    uid="pmm-quotes",
    title="pmm: quote server",
    says="Quotes, refusals, latency, reservations, switches.",
    sections=(
        Section(
            title="Quotes",
            panels=(
                Panel(
                    title="Answers per second",
                    unit="reqps",
                    queries=(
                        Query(
                            "sum by (relayer, outcome) (rate(pmm_quotes_total[$__rate_interval]))",
                            "{{relayer}} {{outcome}}",
                        ),
                    ),
                ),
                Panel(
                    title="Refusals",
                    queries=(
                        Query(
                            'sum by (reason) (increase(pmm_quotes_total{outcome="refused"}[$__rate_interval]))',
                            "{{reason}}",
                        ),
                    ),
                ),
                Panel(
                    title="Ladders",
                    queries=(
                        Query(
                            "sum by (outcome) (increase(pmm_ladders_total[$__rate_interval]))", "{{outcome}}"
                        ),
                    ),
                ),
                Panel(
                    title="Time by stage, p99",
                    unit="s",
                    width=12,
                    queries=(
                        Query(
                            "histogram_quantile(0.99, "
                            "sum by (stage, le) (rate(pmm_stage_seconds_bucket[$__rate_interval])))",
                            "{{stage}}",
                        ),
                    ),
                ),
                Panel(
                    title="Refused at the door",
                    width=12,
                    queries=(
                        Query(
                            "sum by (code) (increase(pmm_access_refused_total[$__rate_interval]))", "{{code}}"
                        ),
                    ),
                ),
            ),
        ),
        Section(
            title="State",
            panels=(
                Panel(title="Live quotes", queries=(Query("sum(pmm_open_reservations)", "live"),)),
                Panel(title="Free inventory, tokens", queries=(Query("pmm_free_inventory", "{{token}}"),)),
                Panel(
                    title="Age of the chain view",
                    unit="s",
                    lines=(3, 10),
                    queries=(Query("max(pmm_view_age_seconds)", "age"),),
                ),
                Panel(title="Age of feeds", unit="s", queries=(Query("pmm_feed_age_seconds", "{{feed}}"),)),
                Panel(
                    title="Switches that stop something",
                    kind=PanelKind.NUMBER,
                    lines=(1, 1),
                    queries=(Query("sum(pmm_paused_switches)", "paused"),),
                ),
                Panel(
                    title="Changes by operators",
                    queries=(
                        Query(
                            "sum by (level, action) (increase(pmm_switch_changes_total[$__rate_interval]))",
                            "{{level}} {{action}}",
                        ),
                        Query(
                            "sum by (outcome) (increase(pmm_reloads_total[$__rate_interval]))",
                            "reload {{outcome}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
