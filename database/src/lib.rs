//! How a `PostgreSQL` server is reached: an [`Address`] without a password in it, and connections on which what is
//! acknowledged is on the disk, over TLS where the address asks for it; and a [`Connection`], which is made anew where it has ended.
//!
//! The crate knows no table: whoever keeps something there does.

mod address;
mod connection;
mod password;
mod tls;

pub use address::{Address, DatabaseError, create};
pub use connection::Connection;
