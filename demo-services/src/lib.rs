//! demo-services
