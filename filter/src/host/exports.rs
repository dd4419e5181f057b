//! What Envoy calls: the callbacks that the filter needs and no others, each handed to the pure code.
//!
//! Envoy enters every callback that a module exports, for each body and each trailer too, and the SDK's dispatcher
//! exports all of them. These stand beside the SDK's under names of their own, and the last step of `make module`
//! puts them in their place (decision 009).
#![allow(unsafe_code, reason = "a symbol without mangling is how the host finds a callback")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::envoy::Envoy;
use super::{CallToken, Host};
use crate::engine::Engine;
use crate::request::Request;

mod entry {
    #![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's start function")]

    proxy_wasm::main! {{}}
}

/// gRPC status "ok".
const GRPC_OK: u32 = 0;
/// `proxy_action_t`: the request goes on.
const CONTINUE: u32 = 0;

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::new(Machine::default());
}

/// Everything that lives in one virtual machine: the root contexts, one for each configuration in force, and the
/// streams under way.
#[derive(Default)]
struct Machine {
    roots: Vec<Root>,
    streams: HashMap<u32, Stream, BuildHasherDefault<ContextHasher>>,
}

struct Root {
    id: u32,
    /// Empty until the plugin is configured.
    engine: Option<Engine>,
}

struct Stream {
    root: u32,
    request: Request,
}

impl Machine {
    fn root(&mut self, id: u32) -> Option<&mut Root> {
        self.roots.iter_mut().find(|root| root.id == id)
    }

    /// Runs a step with the engine of a root context.
    fn with_engine<T>(&mut self, id: u32, step: impl FnOnce(&mut Engine, &mut Envoy) -> T) -> Option<T> {
        let engine = self.root(id)?.engine.as_mut()?;
        Some(step(engine, &mut Envoy::of(id)))
    }

    /// A root context that is to go and has nothing under way any more is forgotten.
    fn forget_finished(&mut self, id: u32) -> bool {
        let is_finished = self.with_engine(id, |engine, _| engine.is_finished()).unwrap_or(false);
        if is_finished {
            self.roots.retain(|root| root.id != id);
        }
        is_finished
    }
}

/// Context ids are small numbers in order: one multiplication spreads them.
#[derive(Default)]
struct ContextHasher(u64);

impl Hasher for ContextHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Runs a step with the machine. The proxy makes one callback at a time, so it is always free; should that ever
/// change, the step is left out rather than the request harmed.
fn with_machine<T>(step: impl FnOnce(&mut Machine) -> T) -> Option<T> {
    MACHINE.with(|machine| machine.try_borrow_mut().ok().map(|mut machine| step(&mut machine)))
}

/// Runs a step with the request of a stream.
fn with_stream(context_id: u32, step: impl FnOnce(&mut Request, &mut Engine, &mut Envoy)) {
    with_machine(|machine| {
        let Machine { roots, streams } = machine;
        let stream = streams.get_mut(&context_id)?;
        let engine = roots.iter_mut().find(|root| root.id == stream.root)?.engine.as_mut()?;
        step(&mut stream.request, engine, &mut Envoy::of(stream.root));
        Some(())
    });
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_context_create(context_id: u32, root_id: u32) {
    with_machine(|machine| {
        if root_id == 0 {
            machine.roots.push(Root { id: context_id, engine: None });
        } else {
            machine.streams.insert(context_id, Stream { root: root_id, request: Request::default() });
        }
    });
}

/// A refused configuration would keep a static Envoy from starting, so it is never refused.
#[unsafe(no_mangle)]
extern "C" fn throughline_on_configure(root_id: u32, _size: usize) -> u32 {
    with_machine(|machine| {
        if let Some(root) = machine.root(root_id) {
            root.engine = Some(Engine::start(&mut Envoy::of(root_id)));
        }
    });
    1
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_tick(root_id: u32) {
    with_machine(|machine| machine.with_engine(root_id, |engine, host| engine.on_tick(host)));
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_request_headers(context_id: u32, _headers: usize, _is_end: u32) -> u32 {
    with_stream(context_id, |request, engine, host| request.on_headers(engine, host));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_response_headers(context_id: u32, _headers: usize, _is_end: u32) -> u32 {
    with_stream(context_id, |request, engine, host| request.on_response_headers(engine, host));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_response_trailers(context_id: u32, _trailers: usize) -> u32 {
    with_stream(context_id, |request, engine, host| request.on_response_trailers(engine, host));
    CONTINUE
}

/// The last that is heard of a stream; it also comes for one that never reached the filter.
#[unsafe(no_mangle)]
extern "C" fn throughline_on_log(context_id: u32) {
    with_machine(|machine| {
        let mut stream = machine.streams.remove(&context_id)?;
        machine.with_engine(stream.root, |engine, host| stream.request.on_end(engine, host))
    });
}

/// For a root context: whether it may go at once. For a stream nothing is left to do.
#[unsafe(no_mangle)]
extern "C" fn throughline_on_done(context_id: u32) -> u32 {
    let is_done = with_machine(|machine| {
        if machine.streams.remove(&context_id).is_some() {
            return true;
        }
        let is_done = machine.with_engine(context_id, |engine, host| engine.on_done(host)).unwrap_or(true);
        machine.forget_finished(context_id);
        is_done
    });
    u32::from(is_done.unwrap_or(true))
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_grpc_receive(root_id: u32, token: u32, size: usize) {
    answered(root_id, |engine, host| engine.on_grpc_answer(host, CallToken(token), GRPC_OK, size));
}

/// Comes for a call that failed.
#[unsafe(no_mangle)]
extern "C" fn throughline_on_grpc_close(root_id: u32, token: u32, status: u32) {
    answered(root_id, |engine, host| engine.on_grpc_answer(host, CallToken(token), status, 0));
}

#[unsafe(no_mangle)]
extern "C" fn throughline_on_http_call_response(
    root_id: u32,
    token: u32,
    _headers: usize,
    body_size: usize,
    _trailers: usize,
) {
    answered(root_id, |engine, host| engine.on_http_answer(host, CallToken(token), body_size));
}

fn answered(root_id: u32, step: impl FnOnce(&mut Engine, &mut Envoy)) {
    let is_finished = with_machine(|machine| {
        machine.with_engine(root_id, step);
        machine.forget_finished(root_id)
    });
    if is_finished == Some(true) {
        Envoy::of(root_id).finish();
    }
}
