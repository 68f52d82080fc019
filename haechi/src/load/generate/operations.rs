//! What the services do: each operation and the steps it takes, which may be operations of other services.

use super::latency::Spread;
use super::topology::{
    CART, CATALOG, GATEWAY, IDENTITY, INVENTORY, NOTIFICATION, ORDERS, PAYMENT, PRICING, RECOMMENDATION, SEARCH,
    SHIPPING,
};

pub(super) struct Operation {
    pub(super) service: usize,
    pub(super) entry: Entry,
    /// Median of the operation's own work in microseconds, its steps not counted.
    pub(super) work: u64,
    /// How often it fails by itself, in millionths.
    pub(super) failures: u32,
    pub(super) steps: &'static [Step],
}

/// How an operation is called.
pub(super) enum Entry {
    Http { method: &'static str, route: &'static str },
    Grpc { service: &'static str, method: &'static str },
    Message { topic: &'static str },
}

pub(super) enum Step {
    /// A statement in the service's database, with its median in microseconds.
    Database {
        verb: &'static str,
        table: &'static str,
        statement: &'static str,
        work: u64,
    },
    /// A look-up in the service's Redis.
    Cache {
        verb: &'static str,
        key: &'static str,
    },
    Call(&'static Operation),
    /// A message that the operation sends, and another takes later.
    Send(&'static Operation),
    /// Work worth a span of its own.
    Work {
        name: &'static str,
        work: u64,
    },
    /// A third party over HTTP.
    External {
        host: &'static str,
        method: &'static str,
        path: &'static str,
        work: u64,
    },
}

impl Step {
    pub(super) fn spread(&self) -> Spread {
        match self {
            Step::External { .. } => Spread::Wide,
            Step::Work { .. } => Spread::Narrow,
            _ => Spread::Usual,
        }
    }
}

use Step::{Cache, Call, Database, External, Send, Work};

const fn select(table: &'static str, statement: &'static str) -> Step {
    Database { verb: "SELECT", table, statement, work: 1_400 }
}

const fn write(verb: &'static str, table: &'static str, statement: &'static str) -> Step {
    Database { verb, table, statement, work: 3_100 }
}

const fn http(service: usize, method: &'static str, route: &'static str, steps: &'static [Step]) -> Operation {
    Operation { service, entry: Entry::Http { method, route }, work: 900, failures: 900, steps }
}

const fn grpc(
    service: usize,
    (package, method): (&'static str, &'static str),
    work: u64,
    steps: &'static [Step],
) -> Operation {
    Operation { service, entry: Entry::Grpc { service: package, method }, work, failures: 450, steps }
}

const fn message(service: usize, topic: &'static str, steps: &'static [Step]) -> Operation {
    Operation { service, entry: Entry::Message { topic }, work: 1_800, failures: 1_200, steps }
}

static CHECK_TOKEN: Operation =
    grpc(IDENTITY, ("shop.identity.v1.IdentityService", "CheckToken"), 350, &[Cache { verb: "GET", key: "session" }]);

static GET_STOCK: Operation = grpc(
    INVENTORY,
    ("shop.inventory.v1.InventoryService", "GetStock"),
    420,
    &[
        Cache { verb: "MGET", key: "stock" },
        select("stock_levels", "SELECT sku, warehouse, on_hand, reserved FROM stock_levels WHERE sku = ANY($1)"),
    ],
);

static RESERVE_STOCK: Operation = grpc(
    INVENTORY,
    ("shop.inventory.v1.InventoryService", "Reserve"),
    800,
    &[
        select("stock_levels", "SELECT on_hand, reserved FROM stock_levels WHERE sku = ANY($1) FOR UPDATE"),
        write("UPDATE", "stock_levels", "UPDATE stock_levels SET reserved = reserved + $2 WHERE sku = $1"),
        write(
            "INSERT",
            "reservations",
            "INSERT INTO reservations (id, order_id, sku, quantity) VALUES ($1, $2, $3, $4)",
        ),
        Cache { verb: "DEL", key: "stock" },
    ],
);

static PRICE_ITEMS: Operation = grpc(
    PRICING,
    ("shop.pricing.v1.PricingService", "PriceItems"),
    600,
    &[
        Cache { verb: "MGET", key: "price" },
        select("price_rules", "SELECT id, sku, currency, amount, valid_from FROM price_rules WHERE sku = ANY($1)"),
        Work { name: "apply promotions", work: 700 },
    ],
);

static RELATED: Operation = grpc(
    RECOMMENDATION,
    ("shop.recommendation.v1.RecommendationService", "Related"),
    2_300,
    &[Cache { verb: "GET", key: "related" }, Work { name: "rank candidates", work: 4_200 }],
);

static PRODUCT: Operation = http(
    CATALOG,
    "GET",
    "/products/{id}",
    &[
        Cache { verb: "GET", key: "product" },
        select("products", "SELECT id, sku, name, description, brand_id FROM products WHERE id = $1"),
        select("media", "SELECT url, width, height FROM media WHERE product_id = $1 ORDER BY position"),
    ],
);

static PRODUCTS: Operation = http(
    CATALOG,
    "GET",
    "/products",
    &[
        Cache { verb: "MGET", key: "product" },
        select("products", "SELECT id, sku, name, brand_id FROM products WHERE id = ANY($1)"),
    ],
);

static FIND: Operation = grpc(
    SEARCH,
    ("shop.search.v1.SearchService", "Find"),
    1_700,
    &[
        Work { name: "parse query", work: 180 },
        External { host: "opensearch.shop.svc", method: "POST", path: "/products/_search", work: 9_500 },
        Work { name: "facets", work: 1_300 },
    ],
);

static READ_CART: Operation = http(
    CART,
    "GET",
    "/carts/{id}",
    &[
        Cache { verb: "HGETALL", key: "cart" },
        select("cart_items", "SELECT sku, quantity, added_at FROM cart_items WHERE cart_id = $1"),
    ],
);

static WRITE_CART: Operation = http(
    CART,
    "PUT",
    "/carts/{id}/items",
    &[
        select("carts", "SELECT id, version FROM carts WHERE id = $1 FOR UPDATE"),
        write("INSERT", "cart_items", "INSERT INTO cart_items (cart_id, sku, quantity) VALUES ($1, $2, $3)"),
        write("UPDATE", "carts", "UPDATE carts SET version = version + 1 WHERE id = $1"),
        Cache { verb: "HSET", key: "cart" },
    ],
);

static CHARGE: Operation = Operation {
    service: PAYMENT,
    entry: Entry::Grpc { service: "shop.payment.v1.PaymentService", method: "Charge" },
    work: 1_500,
    failures: 8_000,
    steps: &[
        Work { name: "score fraud risk", work: 6_400 },
        select("payment_methods", "SELECT id, token, provider FROM payment_methods WHERE customer_id = $1"),
        External { host: "api.acme-pay.example", method: "POST", path: "/v2/charges", work: 88_000 },
        write(
            "INSERT",
            "charges",
            "INSERT INTO charges (id, order_id, amount, currency, state) VALUES ($1, $2, $3, $4, $5)",
        ),
    ],
};

static NOTIFY: Operation = message(
    NOTIFICATION,
    "orders.placed",
    &[
        select("templates", "SELECT subject, body FROM templates WHERE name = $1 AND locale = $2"),
        Work { name: "render mail", work: 3_800 },
        External { host: "smtp.mail.example", method: "POST", path: "/messages", work: 41_000 },
    ],
);

static SHIP: Operation = message(
    SHIPPING,
    "orders.placed",
    &[
        select("addresses", "SELECT street, postcode, city, country FROM addresses WHERE customer_id = $1"),
        External { host: "rates.carrier.example", method: "GET", path: "/v1/quotes", work: 52_000 },
        write("INSERT", "shipments", "INSERT INTO shipments (id, order_id, carrier, state) VALUES ($1, $2, $3, $4)"),
    ],
);

static PLACE_ORDER: Operation = http(
    ORDERS,
    "POST",
    "/orders",
    &[
        Call(&READ_CART),
        Call(&PRICE_ITEMS),
        Call(&RESERVE_STOCK),
        Call(&CHARGE),
        write("INSERT", "orders", "INSERT INTO orders (id, customer_id, state, total) VALUES ($1, $2, $3, $4)"),
        write(
            "INSERT",
            "order_lines",
            "INSERT INTO order_lines (order_id, sku, quantity, price) VALUES ($1, $2, $3, $4)",
        ),
        Send(&NOTIFY),
        Send(&SHIP),
    ],
);

static READ_ORDER: Operation = http(
    ORDERS,
    "GET",
    "/orders/{id}",
    &[
        select("orders", "SELECT id, customer_id, state, total, placed_at FROM orders WHERE id = $1"),
        select("order_lines", "SELECT sku, quantity, price FROM order_lines WHERE order_id = $1"),
    ],
);

const fn gateway(method: &'static str, route: &'static str, steps: &'static [Step]) -> Operation {
    http(GATEWAY, method, route, steps)
}

/// What customers do, and how often in a hundred.
pub(super) static ENTRIES: [(&Operation, u32); 7] =
    [(&VIEW, 36), (&SEARCHES, 24), (&ADD, 13), (&SHOW_CART, 12), (&CHECKOUT, 6), (&ORDER, 6), (&HOME, 3)];

static VIEW: Operation = gateway(
    "GET",
    "/api/products/{id}",
    &[Call(&CHECK_TOKEN), Call(&PRODUCT), Call(&PRICE_ITEMS), Call(&GET_STOCK), Call(&RELATED)],
);

static SEARCHES: Operation = gateway(
    "GET",
    "/api/search",
    &[Call(&CHECK_TOKEN), Call(&FIND), Call(&PRODUCTS), Call(&PRICE_ITEMS), Call(&GET_STOCK)],
);

static ADD: Operation =
    gateway("POST", "/api/cart/items", &[Call(&CHECK_TOKEN), Call(&GET_STOCK), Call(&PRICE_ITEMS), Call(&WRITE_CART)]);

static SHOW_CART: Operation =
    gateway("GET", "/api/cart", &[Call(&CHECK_TOKEN), Call(&READ_CART), Call(&PRODUCTS), Call(&PRICE_ITEMS)]);

static CHECKOUT: Operation = gateway("POST", "/api/checkout", &[Call(&CHECK_TOKEN), Call(&PLACE_ORDER)]);

static ORDER: Operation = gateway("GET", "/api/orders/{id}", &[Call(&CHECK_TOKEN), Call(&READ_ORDER), Call(&PRODUCTS)]);

static HOME: Operation =
    gateway("GET", "/api/home", &[Call(&CHECK_TOKEN), Call(&PRODUCTS), Call(&RELATED), Call(&PRICE_ITEMS)]);
