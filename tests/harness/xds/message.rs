//! The few messages that are spoken, written and read by field number.

use std::path::PathBuf;

use bytes::Bytes;
use serde_json::Value;

/// The type of what is asked for.
pub(super) const ECDS: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const STRING: &str = "type.googleapis.com/google.protobuf.StringValue";
/// `FailurePolicy.FAIL_OPEN`.
const FAIL_OPEN: u64 = 3;

/// The filter's module as Istio's agent hands it on.
#[derive(Clone, Debug)]
pub struct Module {
    /// Where the agent has put it.
    pub file: PathBuf,
    /// What `pluginConfig` says.
    pub configuration: Value,
}

/// What a proxy gets for the name of the filter.
#[derive(Clone, Debug)]
pub enum Extension {
    /// The filter.
    Filter(Module),
    /// What the agent puts in its place when it cannot fetch the module of a plugin with FAIL_OPEN: rules that allow all.
    AllowAll,
}

pub(super) fn typed_extension(name: &str, extension: &Extension) -> Vec<u8> {
    let any = match extension {
        Extension::Filter(module) => any(WASM, &field(1, &plugin(name, module))),
        Extension::AllowAll => any(RBAC, &[]),
    };
    [field(1, name.as_bytes()), field(2, &any)].concat()
}

/// `PluginConfig`: no `vm_id`, the configuration as JSON in a string, and FAIL_OPEN as Istio 1.25 and newer write it.
fn plugin(name: &str, module: &Module) -> Vec<u8> {
    let source = field(1, &field(1, module.file.to_string_lossy().as_bytes()));
    let vm = [field(2, b"envoy.wasm.runtime.v8"), field(3, &source)].concat();
    let configuration = any(STRING, &field(1, module.configuration.to_string().as_bytes()));
    [
        field(1, name.as_bytes()),
        field(2, b"throughline"),
        field(3, &vm),
        field(4, &configuration),
        varint(7 << 3),
        varint(FAIL_OPEN),
    ]
    .concat()
}

pub(super) fn discovery_response(number: u64, nonce: u64, extension: &[u8]) -> Vec<u8> {
    let (version, nonce) = (number.to_string(), nonce.to_string());
    [
        field(1, version.as_bytes()),
        field(2, &any(ECDS, extension)),
        field(4, ECDS.as_bytes()),
        field(5, nonce.as_bytes()),
    ]
    .concat()
}

fn any(type_url: &str, value: &[u8]) -> Vec<u8> {
    [field(1, type_url.as_bytes()), field(2, value)].concat()
}

/// A field whose content has a length.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A gRPC message that is not compressed.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let length = (message.len() as u32).to_be_bytes();
    [&[0], &length[..], message].concat().into()
}

/// Takes the first whole message out of what has come.
pub(super) fn take_frame(waiting: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = waiting.get(1..5)?.try_into().map(u32::from_be_bytes).ok()? as usize;
    let message = waiting.get(5..5 + length)?.to_vec();
    waiting.drain(..5 + length);
    Some(message)
}

/// What a `DiscoveryRequest` says.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) type_url: String,
    /// The number of what was taken last; 0 for a first question.
    pub(super) version: u64,
    /// The response that it speaks of; 0 for none.
    pub(super) nonce: u64,
    /// Whether it asks for anything.
    pub(super) has_names: bool,
    pub(super) is_refusal: bool,
}

pub(super) fn read_request(mut message: &[u8]) -> Option<Asked> {
    let mut asked = Asked::default();
    while !message.is_empty() {
        let key = read_varint(&mut message)?;
        if key & 7 != 2 {
            read_varint(&mut message)?;
            continue;
        }
        let length = usize::try_from(read_varint(&mut message)?).ok()?;
        let (content, rest) = message.split_at_checked(length)?;
        message = rest;
        match key >> 3 {
            1 => asked.version = std::str::from_utf8(content).ok()?.parse().unwrap_or_default(),
            3 => asked.has_names = true,
            5 => asked.nonce = std::str::from_utf8(content).ok()?.parse().unwrap_or_default(),
            4 => asked.type_url = String::from_utf8(content.to_vec()).ok()?,
            6 => asked.is_refusal = true,
            _ => {}
        }
    }
    Some(asked)
}

fn read_varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
