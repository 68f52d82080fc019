//! Protocol Buffers contracts and the Rust code generated from them.
//!
//! The `.proto` files stand beside `src`, one folder per package; `src/gen` holds their committed Rust code.
//! `tests/generated.rs` fails when the two differ and rewrites the code when `HAECHI_BLESS=1` is set.

/// Box Office, the demo system.
pub mod boxoffice {
    /// Authorises and voids payments.
    pub mod payment {
        /// Version 1 of the contract.
        pub mod v1 {
            include!("gen/boxoffice.payment.v1.rs");
        }
    }
}
