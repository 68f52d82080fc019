//! PromQL over stored metrics.
