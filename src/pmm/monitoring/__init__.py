"""What is logged and counted: one function per domain event, a histogram per stage, gauges read when asked for."""
