//! Who asks, and for what: a few buy often and a few products sell most, as everywhere.

use super::dice::Dice;

const CUSTOMERS: u64 = 200_000;
const PRODUCTS: u64 = 40_000;

/// The customer of a trace, with what they look at and order.
#[derive(Clone, Copy)]
pub(super) struct Customer {
    pub(super) number: u64,
    pub(super) product: u64,
    pub(super) order: u64,
}

/// Half of the payments go through the first.
const PROVIDERS: [&str; 4] = ["northbank", "northbank", "acme-pay", "klar"];

const USER_AGENTS: [&str; 12] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "ShopApp/7.14.2 (iOS 18.6; iPhone15,2)",
    "ShopApp/7.14.2 (Android 15; Pixel 8)",
    "ShopApp/7.13.0 (Android 14; SM-S911B)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];

impl Customer {
    #[inline]
    pub(super) fn new(dice: &mut Dice) -> Self {
        // The lesser of two throws: small numbers are more frequent, the first percent twice as much as the mean.
        let mut skewed = |n| dice.below(n).min(dice.below(n));
        Customer { number: skewed(CUSTOMERS), product: skewed(PRODUCTS), order: dice.roll() >> 24 }
    }

    /// Through whom they pay.
    pub(super) fn provider(&self) -> &'static str {
        PROVIDERS[self.number as usize % PROVIDERS.len()]
    }

    pub(super) fn user_agent(&self) -> &'static str {
        USER_AGENTS[(self.number / 7) as usize % USER_AGENTS.len()]
    }
}
