//! Attribute names: the semantic conventions v1.44 first, then those the conventions have no word for.

pub(crate) const CLIENT_ADDRESS: &str = "client.address";
pub(crate) const DB_COLLECTION_NAME: &str = "db.collection.name";
pub(crate) const DB_NAMESPACE: &str = "db.namespace";
pub(crate) const DB_OPERATION_NAME: &str = "db.operation.name";
pub(crate) const DB_QUERY_SUMMARY: &str = "db.query.summary";
pub(crate) const DB_QUERY_TEXT: &str = "db.query.text";
pub(crate) const DB_RESPONSE_STATUS_CODE: &str = "db.response.status_code";
pub(crate) const DB_SYSTEM_NAME: &str = "db.system.name";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const HTTP_ROUTE: &str = "http.route";
pub(crate) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub(crate) const RPC_METHOD: &str = "rpc.method";
pub(crate) const RPC_STATUS_CODE: &str = "rpc.status_code";
pub(crate) const RPC_SYSTEM_NAME: &str = "rpc.system.name";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const SESSION_ID: &str = "session.id";
pub(crate) const URL_FULL: &str = "url.full";
pub(crate) const URL_PATH: &str = "url.path";
pub(crate) const URL_SCHEME: &str = "url.scheme";
pub(crate) const URL_TEMPLATE: &str = "url.template";
pub(crate) const USER_AGENT_ORIGINAL: &str = "user_agent.original";
pub(crate) const USER_AGENT_SYNTHETIC_TYPE: &str = "user_agent.synthetic.type";

// The names of the RPC conventions before their release candidate, sent beside the new ones as their migration guide
// proposes: most backends still read only these.
pub(crate) const RPC_GRPC_STATUS_CODE: &str = "rpc.grpc.status_code";
pub(crate) const RPC_SERVICE: &str = "rpc.service";
pub(crate) const RPC_SYSTEM: &str = "rpc.system";

// Without a convention so far: caches (semantic-conventions#1747) and sagas (#1688).
pub(crate) const CACHE_NAME: &str = "cache.name";
pub(crate) const CACHE_USAGE: &str = "cache.usage";
pub(crate) const BOOKING_ID: &str = "boxoffice.booking.id";
pub(crate) const CARD_ISSUER: &str = "boxoffice.card.issuer";
pub(crate) const OUTCOME: &str = "outcome";
pub(crate) const SAGA_COMPENSATING: &str = "boxoffice.saga.compensating";
pub(crate) const SAGA_NAME: &str = "boxoffice.saga.name";
pub(crate) const SAGA_STEP: &str = "boxoffice.saga.step";
pub(crate) const SEAT: &str = "boxoffice.seat";
pub(crate) const SHOW_ID: &str = "boxoffice.show.id";
