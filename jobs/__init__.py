"""Entry points: parse, open, call. The only place that reads argv and the environment, prints, or configures logging."""
