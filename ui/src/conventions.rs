//! Attributes by what they tell, in the groups of OpenTelemetry's semantic conventions.

use crate::attributes::Attribute;

/// Groups in the order of a page, each with the namespaces that belong to it. A namespace is what comes before a dot.
/// Source: the attribute registry of the semantic conventions, v1.44.
const GROUPS: [(&str, &[&str]); 15] = [
    ("Error", &["exception", "error"]),
    ("HTTP", &["http", "url", "user_agent"]),
    ("RPC", &["rpc"]),
    ("GraphQL", &["graphql"]),
    ("Database", &["db"]),
    ("Messaging", &["messaging", "cloudevents"]),
    ("Generative AI", &["gen_ai", "openai"]),
    ("Function", &["faas"]),
    ("Feature flags", &["feature_flag"]),
    ("Network", &["network", "net", "server", "client", "peer", "source", "destination", "dns"]),
    ("TLS", &["tls"]),
    ("User", &["enduser", "user", "session"]),
    ("Code", &["code", "thread"]),
    ("Cloud", &["aws", "azure", "gcp", "cloud"]),
    ("OpenTelemetry", &["otel"]),
];
const OTHER: &str = "Custom";

/// Attributes that belong together.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) attributes: Vec<Attribute>,
}

/// `attributes` in their groups, which are never empty. What no convention names comes last.
pub(crate) fn grouped(attributes: Vec<Attribute>) -> Vec<Group> {
    let mut groups: Vec<Vec<Attribute>> = (0..=GROUPS.len()).map(|_| Vec::new()).collect();
    for attribute in attributes {
        groups[group(&attribute.key.concat())].push(attribute);
    }
    let titles = GROUPS.iter().map(|(title, _)| *title).chain([OTHER]);
    let groups = titles.zip(groups).map(|(title, attributes)| Group { title, attributes });
    groups.filter(|group| !group.attributes.is_empty()).collect()
}

fn group(key: &str) -> usize {
    let namespace = key.split_once('.').map_or("", |(namespace, _)| namespace);
    GROUPS.iter().position(|(_, namespaces)| namespaces.contains(&namespace)).unwrap_or(GROUPS.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AttrsBuf, Value};

    #[test]
    fn attributes_stand_with_those_of_their_convention() {
        let mut attrs = AttrsBuf::new();
        for key in
            ["seat", "http.route", "db.system.name", "url.path", "server.port", "httpx.retry", "tls.cipher", "db"]
        {
            attrs.push(key, Value::Int(1));
        }
        let groups = grouped(crate::attributes::rows(attrs.as_attrs(), None).0);
        let words: Vec<String> = groups
            .iter()
            .map(|group| {
                let keys: Vec<String> = group.attributes.iter().map(|it| it.key.concat()).collect();
                format!("{}: {}", group.title, keys.join(" "))
            })
            .collect();
        assert_eq!(
            words,
            [
                "HTTP: http.route url.path",
                "Database: db.system.name",
                "Network: server.port",
                "TLS: tls.cipher",
                "Custom: db httpx.retry seat"
            ]
        );
    }
}
