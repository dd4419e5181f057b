//! The operator's settings: a table of keys, and a reader that gives each key's value, its default where the key is
//! absent or wrong, and a sentence for everything that is not as the table says.
//!
//! Each room lists its own keys as constants, puts them into its `KEYS`, and reads them from a [`Reader`]; `config`
//! composes the rooms. The same table makes the JSON Schema and the table in the README, so neither can be forgotten.

mod faults;
mod json;
mod key;
mod reader;
#[cfg(not(target_arch = "wasm32"))]
mod schema;

pub use key::{Key, Kind};
pub use reader::Reader;
#[cfg(not(target_arch = "wasm32"))]
pub use schema::{to_json_schema, to_readme_table};

#[cfg(test)]
mod tests;
