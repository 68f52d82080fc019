//! The gauges and sums that each resource sends: a hundred series, of which 35 never change, 27 count, 10 count in
//! hundredths, 13 are whole-numbered levels, 11 are levels with decimals and 4 are noise. This is about what a fleet of
//! services with node and runtime metrics sends.

use super::curves::Curve;

pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) data: Data,
    pub(super) curve: Curve,
    /// Each key with its values; a series for each combination.
    pub(super) attributes: &'static [(&'static str, &'static [&'static str])],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Gauge,
    /// Cumulative and monotonic.
    Sum,
}

impl Metric {
    /// The attributes of each series.
    pub(super) fn series(&self) -> Vec<Vec<(&'static str, &'static str)>> {
        self.attributes.iter().fold(vec![Vec::new()], |all, (key, values)| {
            let extended = |one: &Vec<_>| {
                let one = one.clone();
                values.iter().map(move |value| [one.as_slice(), &[(*key, *value)]].concat())
            };
            all.iter().flat_map(extended).collect()
        })
    }
}

const ROUTES: &[&str] = &["/api/products/{id}", "/api/search", "/api/cart", "/api/checkout"];
const FEATURES: &[&str] =
    &["dark-mode", "one-click", "gift-cards", "pre-orders", "reviews", "wishlist", "stock-alerts", "guest-checkout"];

const fn gauge(
    name: &'static str,
    unit: &'static str,
    curve: Curve,
    attributes: &'static [(&'static str, &'static [&'static str])],
) -> Metric {
    Metric { name, unit, data: Data::Gauge, curve, attributes }
}

const fn sum(
    name: &'static str,
    unit: &'static str,
    curve: Curve,
    attributes: &'static [(&'static str, &'static [&'static str])],
) -> Metric {
    Metric { name, unit, data: Data::Sum, curve, attributes }
}

use Curve::{Cents, Constant, Count, Decimal, Level, Noise};

pub(super) const METRICS: &[Metric] = &[
    gauge("k8s.container.cpu_limit", "{cpu}", Constant, &[]),
    gauge("k8s.container.cpu_request", "{cpu}", Constant, &[]),
    gauge("k8s.container.memory_limit", "By", Constant, &[]),
    gauge("k8s.container.memory_request", "By", Constant, &[]),
    gauge("k8s.container.restarts", "{restart}", Constant, &[]),
    gauge("k8s.container.ready", "1", Constant, &[]),
    gauge(
        "process.runtime.memory.limit",
        "By",
        Constant,
        &[("pool", &["eden", "survivor", "old", "metaspace", "code"])],
    ),
    gauge(
        "db.client.connection.max",
        "{connection}",
        Constant,
        &[("db.client.connection.pool.name", &["main", "replica"])],
    ),
    gauge(
        "db.client.connection.idle.max",
        "{connection}",
        Constant,
        &[("db.client.connection.pool.name", &["main", "replica"])],
    ),
    gauge(
        "db.client.connection.idle.min",
        "{connection}",
        Constant,
        &[("db.client.connection.pool.name", &["main", "replica"])],
    ),
    gauge("app.build.info", "1", Constant, &[]),
    gauge("app.feature.enabled", "1", Constant, &[("feature", FEATURES)]),
    sum(
        "http.server.aborted.requests",
        "{request}",
        Constant,
        &[("http.request.method", &["GET", "POST", "PUT", "PATCH", "DELETE"])],
    ),
    sum("app.config.reload.failures", "{reload}", Constant, &[]),
    sum(
        "messaging.client.dropped.messages",
        "{message}",
        Constant,
        &[("messaging.destination.name", &["orders.placed", "stock.changed", "mail.sent"])],
    ),
    sum(
        "http.server.requests",
        "{request}",
        Count,
        &[("http.route", ROUTES), ("http.response.status_code", &["200", "404", "500"])],
    ),
    sum(
        "rpc.server.requests",
        "{request}",
        Count,
        &[("rpc.method", &["CheckToken", "GetStock", "PriceItems", "Charge"])],
    ),
    sum("system.network.io", "By", Count, &[("network.io.direction", &["receive", "transmit"])]),
    sum("system.network.packets", "{packet}", Count, &[("network.io.direction", &["receive", "transmit"])]),
    sum("db.client.operations", "{operation}", Count, &[("db.operation.name", &["SELECT", "INSERT", "UPDATE"])]),
    sum(
        "messaging.client.sent.messages",
        "{message}",
        Count,
        &[("messaging.destination.name", &["orders.placed", "stock.changed"])],
    ),
    sum("app.cache.lookups", "{lookup}", Count, &[("cache.result", &["hit", "miss"])]),
    sum("process.cpu.time", "s", Cents, &[("cpu.mode", &["user", "system"])]),
    sum("system.cpu.time", "s", Cents, &[("cpu.mode", &["user", "system", "iowait", "idle", "interrupt", "steal"])]),
    sum("app.gc.time", "s", Cents, &[("gc", &["young", "old"])]),
    gauge("process.memory.usage", "By", Level { base: 90_000, stray: 3, step: 4096 }, &[]),
    gauge("process.memory.virtual", "By", Level { base: 400_000, stray: 1, step: 4096 }, &[]),
    gauge("process.thread.count", "{thread}", Level { base: 60, stray: 0, step: 1 }, &[]),
    gauge("process.open_file_descriptor.count", "{count}", Level { base: 300, stray: 1, step: 1 }, &[]),
    gauge(
        "process.runtime.memory.used",
        "By",
        Level { base: 120_000, stray: 3, step: 8 },
        &[("pool", &["eden", "survivor", "old"])],
    ),
    gauge(
        "db.client.connection.count",
        "{connection}",
        Level { base: 40, stray: 1, step: 1 },
        &[("db.client.connection.state", &["idle", "used"])],
    ),
    gauge(
        "http.server.active_requests",
        "{request}",
        Level { base: 30, stray: 1, step: 1 },
        &[("http.request.method", &["GET", "POST"])],
    ),
    gauge(
        "messaging.consumer.lag",
        "{message}",
        Level { base: 500, stray: 2, step: 1 },
        &[("messaging.destination.name", &["orders.placed", "stock.changed"])],
    ),
    gauge(
        "process.cpu.utilization",
        "1",
        Decimal { base: 400, stray: 2, per_one: 1000 },
        &[("cpu.mode", &["user", "system"])],
    ),
    gauge(
        "system.cpu.load_average",
        "{thread}",
        Decimal { base: 300, stray: 1, per_one: 100 },
        &[("window", &["1m", "5m", "15m"])],
    ),
    gauge(
        "app.cache.hit_ratio",
        "1",
        Decimal { base: 900, stray: 2, per_one: 1000 },
        &[("cache", &["product", "price", "session"])],
    ),
    gauge(
        "app.queue.wait",
        "s",
        Decimal { base: 700, stray: 3, per_one: 1000 },
        &[("queue", &["mail", "index", "export"])],
    ),
    gauge("app.model.score", "1", Noise, &[("model", &["ranking", "fraud"])]),
    gauge("app.price.index", "1", Noise, &[("currency", &["EUR", "USD"])]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::workload::SERIES_PER_RESOURCE;

    #[test]
    fn the_mix_is_the_one_that_is_documented() {
        let count = |is: fn(&Curve) -> bool| {
            METRICS.iter().filter(|metric| is(&metric.curve)).map(|metric| metric.series().len()).sum::<usize>()
        };
        let counts = [
            count(|it| matches!(it, Constant)),
            count(|it| matches!(it, Count)),
            count(|it| matches!(it, Cents)),
            count(|it| matches!(it, Level { .. })),
            count(|it| matches!(it, Decimal { .. })),
            count(|it| matches!(it, Noise)),
        ];
        assert_eq!(counts, [35, 27, 10, 13, 11, 4]);
        assert_eq!(counts.iter().sum::<usize>() as u64, SERIES_PER_RESOURCE);
    }
}
