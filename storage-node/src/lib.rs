#![allow(dead_code)]
//! storage-node

mod disk;
mod entry;
mod index;
mod layout;
mod rows;
mod store;

#[cfg(test)]
mod simulated_disk;
