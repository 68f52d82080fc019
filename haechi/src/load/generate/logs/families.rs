//! The lines that the services write, by family.

use super::super::dice::Dice;
use super::super::encode::Text;
use super::super::traces::Trace;

/// A line of text with places for values.
pub(super) struct Template {
    pieces: Vec<Piece>,
}

enum Piece {
    Text(&'static str),
    Customer,
    Order,
    Product,
    /// 1 to 9.
    Few,
    /// An amount of money.
    Amount,
    /// Milliseconds.
    Millis,
    Hex,
}

impl Template {
    pub(super) fn parse(text: &'static str) -> Self {
        let mut pieces = Vec::new();
        for part in text.split('{') {
            let Some((name, rest)) = part.split_once('}') else {
                pieces.push(Piece::Text(part));
                continue;
            };
            pieces.push(match name {
                "customer" => Piece::Customer,
                "order" => Piece::Order,
                "product" => Piece::Product,
                "few" => Piece::Few,
                "amount" => Piece::Amount,
                "ms" => Piece::Millis,
                _ => Piece::Hex,
            });
            pieces.push(Piece::Text(rest));
        }
        Template { pieces }
    }

    pub(super) fn fill(&self, trace: &Trace<'_>, dice: &mut Dice, text: &mut Text) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.text(piece),
                Piece::Customer => text.number(trace.customer.number),
                Piece::Order => text.hex(trace.customer.order, 10),
                Piece::Product => text.number(trace.customer.product),
                Piece::Few => text.number(1 + dice.below(9)),
                Piece::Amount => text.number(dice.below(300)).text(".").number(10 + dice.below(90)),
                Piece::Millis => text.number(1 + dice.below(40) * dice.below(40)),
                Piece::Hex => text.hex(dice.roll(), 8),
            };
        }
    }
}

/// Business events of each service, in the order of `topology::SERVICES`.
pub(super) const EVENTS: [[&str; 5]; 12] = [
    [
        "session of customer c-{customer} renewed for {few} hours by refresh token",
        "rate limit of customer c-{customer} is at {few}0 percent of its budget",
        "feature variant {few} chosen for customer c-{customer} in experiment {hex}",
        "request of customer c-{customer} routed to upstream pool {few} of 9",
        "response for product {product} compressed from {ms}00 to {ms}0 bytes",
    ],
    [
        "token of customer c-{customer} verified with key {hex}, {few} scopes",
        "customer c-{customer} logged in with a passkey from a known device",
        "signing key {hex} is due for rotation in {few} days",
        "customer c-{customer} has {few} active sessions, oldest kept",
        "permissions of customer c-{customer} loaded in {ms} ms from replica {few}",
    ],
    [
        "product {product} loaded with {few} media and {few} variants in {ms} ms",
        "translations of product {product} fell back to the default locale",
        "index of brand {few} refreshed after a change of product {product}",
        "product {product} is hidden in {few} regions by its visibility rules",
        "price label of product {product} attached, valid for {few} minutes",
    ],
    [
        "query {hex} matched {ms} products in {ms} ms on {few} shards",
        "synonyms expanded query {hex} from {few} to {few} terms",
        "facets of query {hex} computed over {ms} products in {ms} ms",
        "query {hex} of customer c-{customer} corrected, {few} alternatives",
        "ranking model {few} applied to {ms} candidates of query {hex}",
    ],
    [
        "added {few} of product {product} to the cart of customer c-{customer}",
        "cart of customer c-{customer} merged, {few} lines kept",
        "removed product {product} from the cart of customer c-{customer}",
        "cart of customer c-{customer} saved with {few} lines, total {amount}",
        "cart of customer c-{customer} expires in {few} days, reminder queued",
    ],
    [
        "price of product {product} is {amount} EUR after {few} rules",
        "promotion {hex} applied to product {product}, discount {amount}",
        "tax of product {product} computed for region {few}: {amount} EUR",
        "price list {few} reloaded with {ms} entries in {ms} ms",
        "customer c-{customer} is in price group {few}, rebate {amount}",
    ],
    [
        "order ord_{order} placed by customer c-{customer}, {few} lines, {amount} EUR",
        "order ord_{order} confirmed after {ms} ms, payment captured",
        "order ord_{order} split into {few} shipments by warehouse",
        "order ord_{order} of customer c-{customer} moved to state paid",
        "invoice {hex} written for order ord_{order}, total {amount} EUR",
    ],
    [
        "charged {amount} EUR for order ord_{order} through provider {few}",
        "fraud score of order ord_{order} is {few}, below the threshold",
        "payment method {hex} of customer c-{customer} tokenized",
        "provider {few} answered for order ord_{order} in {ms} ms",
        "captured {amount} EUR of order ord_{order}, reference {hex}",
    ],
    [
        "reserved {few} of product {product} for order ord_{order} in warehouse {few}",
        "stock of product {product} is {ms} in warehouse {few}, reorder at {few}0",
        "released reservation {hex} of product {product} after {few} minutes",
        "counted product {product} in warehouse {few}: {ms} on hand",
        "replenishment {hex} of product {product} expected in {few} days",
    ],
    [
        "shipment {hex} of order ord_{order} booked with carrier {few}",
        "quote of carrier {few} for order ord_{order}: {amount} EUR",
        "label {hex} printed for order ord_{order} in warehouse {few}",
        "parcel {hex} handed to carrier {few}, delivery in {few} days",
        "address of customer c-{customer} normalized, confidence {few}0 percent",
    ],
    [
        "mail about order ord_{order} queued for customer c-{customer}",
        "template {few} rendered for customer c-{customer} in {ms} ms",
        "push notification {hex} delivered to {few} devices of customer c-{customer}",
        "customer c-{customer} unsubscribed from list {few}",
        "mail {hex} accepted by relay {few} after {ms} ms",
    ],
    [
        "ranked {ms} candidates for product {product} in {ms} ms with model {few}",
        "related products of {product} cached for {few} minutes",
        "embedding {hex} of product {product} read from shard {few}",
        "customer c-{customer} has {few} recent views, profile {hex} used",
        "model {few} fell back to bestsellers for product {product}",
    ],
];

/// A line that one record in 250,000 is, so that its words are rare.
pub(super) const RARE: &str = "quarantined ledger entry {hex} after a checksum mismatch in segment {hex}";

/// One in how many records is [`RARE`].
pub(in crate::load) const RARITY: u64 = 250_000;
