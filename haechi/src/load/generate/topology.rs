//! Who sends: the services of a shop, their pods, and the resource of each pod.

use model::wire::put_bytes_field;

use super::dice::Stream;
use super::encode::{Text, put_int, put_text};

pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) port: u64,
    version: &'static str,
    language: &'static str,
    sdk: &'static str,
}

const fn service(
    name: &'static str,
    port: u64,
    version: &'static str,
    language: &'static str,
    sdk: &'static str,
) -> Service {
    Service { name, port, version, language, sdk }
}

pub(super) const GATEWAY: usize = 0;
pub(super) const IDENTITY: usize = 1;
pub(super) const CATALOG: usize = 2;
pub(super) const SEARCH: usize = 3;
pub(super) const CART: usize = 4;
pub(super) const PRICING: usize = 5;
pub(super) const ORDERS: usize = 6;
pub(super) const PAYMENT: usize = 7;
pub(super) const INVENTORY: usize = 8;
pub(super) const SHIPPING: usize = 9;
pub(super) const NOTIFICATION: usize = 10;
pub(super) const RECOMMENDATION: usize = 11;

pub(super) const SERVICES: [Service; 12] = [
    service("gateway", 8080, "5.12.0", "go", "1.38.0"),
    service("identity", 8443, "2.8.4", "go", "1.38.0"),
    service("catalog", 8080, "3.40.1", "java", "1.54.0"),
    service("search", 9090, "1.19.0", "rust", "0.31.0"),
    service("cart", 8080, "4.2.7", "dotnet", "1.13.0"),
    service("pricing", 9090, "2.1.0", "go", "1.38.0"),
    service("orders", 8080, "7.0.3", "java", "1.54.0"),
    service("payment", 8443, "2.3.1", "java", "1.54.0"),
    service("inventory", 9090, "6.5.2", "go", "1.38.0"),
    service("shipping", 8080, "1.7.9", "python", "1.37.0"),
    service("notification", 8080, "0.9.14", "nodejs", "2.1.0"),
    service("recommendation", 9090, "3.3.0", "python", "1.37.0"),
];

/// Pods of each service that take requests; more of them send metrics when more series are wanted.
pub(super) const PODS: usize = 6;

/// Resources of a shop that send spans and logs: resource `service + 12 * pod`.
pub(super) const RESOURCES: usize = SERVICES.len() * PODS;

/// The pod that runs a version of its service which fails far more often than the others: a cause to be found.
pub(super) const CANARY: (usize, usize) = (PAYMENT, 5);
const CANARY_VERSION: &str = "2.4.0-rc1";

/// The pod on a node with a slow disk: another cause to be found.
pub(super) const SLOW_POD: (usize, usize) = (INVENTORY, 2);
const SLOW_NODE: &str = "node-b-13";

/// Every how many pods the region's next zone is used.
const ZONES: [&str; 3] = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];

/// The encoded field `resource` of resource `index` (`service + 12 * pod`) in its `generation`: a pod that is replaced
/// keeps its place and gets new ids.
pub(super) fn resource(seed: u64, index: usize, generation: u64) -> Vec<u8> {
    resource_of(seed, 0, index, generation)
}

/// The encoded fields `resource` of `shops` shops: resource `72 * shop + service + 12 * pod`.
pub(super) fn shops(seed: u64, shops: u64) -> Vec<Vec<u8>> {
    let of_shop = |shop| (0..RESOURCES).map(move |index| resource_of(seed, shop, index, 0));
    (0..shops.max(1)).flat_map(of_shop).collect()
}

/// As [`resource`]; the services of other shops than the first have its number behind their names.
fn resource_of(seed: u64, shop: u64, index: usize, generation: u64) -> Vec<u8> {
    let (service_index, pod) = (index % SERVICES.len(), index / SERVICES.len());
    let service = &SERVICES[service_index];
    let mut dice = Stream::new(seed, "pods").dice(index as u64 + (shop << 24) + (generation << 32));
    let suffix = if shop == 0 { String::new() } else { format!("-{}", shop + 1) };
    let name = format!("{}{suffix}", service.name);
    let mut text = Text::default();
    let mut message = Vec::new();
    let mut put = |key: &str, value: &str| put_text(&mut message, 1, key, value);
    put("service.name", &name);
    put("service.namespace", "shop");
    put("service.version", if (service_index, pod) == CANARY { CANARY_VERSION } else { service.version });
    put("service.instance.id", text.start().uuid(dice.roll(), dice.roll()).as_str());
    put("deployment.environment.name", "production");
    put("telemetry.sdk.name", "opentelemetry");
    put("telemetry.sdk.language", service.language);
    put("telemetry.sdk.version", service.sdk);
    put("k8s.namespace.name", "shop");
    put("k8s.deployment.name", &name);
    let replica_set = Stream::new(seed, "replica sets").at(service_index as u64);
    text.start().text(&name).text("-").hex(replica_set, 10).text("-").hex(dice.roll(), 5);
    put("k8s.pod.name", text.as_str());
    put("k8s.pod.uid", text.start().uuid(dice.roll(), dice.roll()).as_str());
    let node = dice.below(24);
    text.start().text(["node-a-", "node-b-", "node-c-"][pod % 3]).number(node);
    put("k8s.node.name", if (service_index, pod) == SLOW_POD { SLOW_NODE } else { text.as_str() });
    put("cloud.availability_zone", ZONES[pod % ZONES.len()]);
    put_int(&mut message, 1, "process.pid", 1);
    let mut field = Vec::new();
    put_bytes_field(&mut field, 1, &message);
    field
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use model::Attrs;
    use model::wire::{Raw, Reader};

    use super::*;

    fn attributes(field: &[u8]) -> Vec<(String, String)> {
        let Some((1, Raw::Bytes(message))) = Reader::new(field).next_field().unwrap() else { panic!("no resource") };
        Attrs::new(message).iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect()
    }

    #[test]
    fn each_pod_has_ids_of_its_own_and_new_ones_when_it_is_replaced() {
        let mut ids = HashSet::new();
        for index in 0..RESOURCES {
            for generation in 0..2 {
                let attributes = attributes(&resource(1, index, generation));
                let get = |key: &str| attributes.iter().find(|(name, _)| name == key).unwrap().1.clone();
                assert_eq!(get("service.name"), SERVICES[index % 12].name);
                assert!(ids.insert(get("service.instance.id")) && ids.insert(get("k8s.pod.name")));
            }
        }
        assert_eq!(resource(1, 3, 0), resource(1, 3, 0));
        assert_ne!(resource(1, 3, 0), resource(2, 3, 0));
    }

    #[test]
    fn shops_have_services_and_pods_of_their_own() {
        let resources = shops(1, 3);
        assert_eq!(resources[..RESOURCES], shops(1, 1));
        let (mut services, mut pods) = (HashSet::new(), HashSet::new());
        for field in &resources {
            let attributes = attributes(field);
            services.insert(attributes[0].1.clone());
            pods.extend(attributes.into_iter().filter(|(key, _)| key == "k8s.pod.uid"));
        }
        assert_eq!((services.len(), pods.len()), (36, 3 * RESOURCES));
        assert!(services.contains("gateway") && services.contains("gateway-3"));
    }

    #[test]
    fn one_pod_runs_another_version() {
        let versions = |service: usize| -> HashSet<String> {
            let of_pod = |pod| attributes(&resource(1, service + 12 * pod, 0)).swap_remove(2).1;
            (0..PODS).map(of_pod).collect()
        };
        assert_eq!(versions(PAYMENT).len(), 2);
        assert_eq!(versions(ORDERS).len(), 1);
    }
}
