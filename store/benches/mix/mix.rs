//! Telemetry to measure with: what a small shop of twelve services with six pods each sends. Seeded, so that every run
//! measures the same bytes.

use model::{AttrsBuf, Resource, Scope, Value};

pub(crate) mod logs;
pub(crate) mod spans;

pub(crate) const SERVICES: [&str; 12] = [
    "gateway", "catalog", "search", "cart", "checkout", "payment", "shipping", "accounts", "pricing", "stock",
    "mailer", "ledger",
];
const PODS: usize = 6;
/// The first of January 2026, in nanoseconds since the epoch.
pub(crate) const EPOCH: i64 = 1_767_225_600_000_000_000;

/// SplitMix64: small, seeded, and random enough to look so to a compressor.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Of the log-normal distribution with this median.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        // Box and Muller; the logarithm's argument is never 0.
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }

    /// A rank below `n`; low ones are more likely, as the density 1/x has it.
    pub(crate) fn ranked(&mut self, n: u64) -> u64 {
        (((n as f64).powf(self.unit()) - 1.0) as u64).min(n - 1)
    }

    pub(crate) fn id<const N: usize>(&mut self) -> [u8; N] {
        let mut id = [0; N];
        id.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]));
        id
    }
}

/// The senders: a resource to each pod, a scope to each service.
pub(crate) struct Senders {
    resources: Vec<AttrsBuf>,
    scopes: Vec<Vec<u8>>,
}

impl Senders {
    pub(crate) fn new(random: &mut Random) -> Self {
        let mut resources = Vec::new();
        let mut scopes = Vec::new();
        for service in SERVICES {
            let version = format!("1.{}.{}", random.below(30), random.below(10));
            for pod in 0..PODS {
                let mut attrs = AttrsBuf::new();
                let name = format!("{service}-{:08x}-{:05x}", random.next() as u32, random.below(1 << 20));
                attrs.push("service.name", Value::Str(service));
                attrs.push("service.namespace", Value::Str("shop"));
                attrs.push("service.version", Value::Str(&version));
                attrs.push(
                    "service.instance.id",
                    Value::Str(&format!("{:032x}", u128::from(random.next()) << 64 | u128::from(random.next()))),
                );
                attrs.push("k8s.pod.name", Value::Str(&name));
                attrs.push("k8s.namespace.name", Value::Str("shop"));
                attrs.push("host.name", Value::Str(&format!("node-{}", pod % 4)));
                attrs.push("telemetry.sdk.language", Value::Str("rust"));
                attrs.push("telemetry.sdk.name", Value::Str("opentelemetry"));
                attrs.push("telemetry.sdk.version", Value::Str("0.33.0"));
                resources.push(attrs);
            }
            let mut scope = Vec::new();
            model::wire::put_bytes_field(&mut scope, 1, format!("shop.{service}").as_bytes());
            model::wire::put_bytes_field(&mut scope, 2, version.as_bytes());
            scopes.push(scope);
        }
        Senders { resources, scopes }
    }

    pub(crate) fn of(&self, service: usize, pod: u64) -> (Resource<'_>, Scope<'_>) {
        let resource = &self.resources[service * PODS + pod as usize % PODS];
        (Resource::new(resource.as_bytes()), Scope::new(&self.scopes[service]))
    }
}
