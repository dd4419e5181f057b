//! Sizes of traces.

use throughline_model::id::SpanId;
use throughline_model::span::{Attribute, Resource, StatusCode};

use super::*;
use crate::assemble::assemble;
use crate::store::contract;

fn shape(number: u8, depth: usize, repeated: usize) -> Shape {
    Shape {
        trace_id: TraceId::from_hex(format!("{:032x}", u128::from(number) + 1).as_bytes()).unwrap(),
        entry: (Arc::from("gateway"), Arc::from("GET /")),
        depth,
        spans: depth * 2,
        fan_out: 1,
        repeated: (repeated > 1).then(|| (Arc::from("web"), Arc::from("GET /"), repeated)),
    }
}

/// What `Shape::of_whole` and `Shape::of` say of a trace: `(parent, kind, service, name)`, parents first.
fn both(sketch: &[(Option<usize>, SpanKind, &str, &str)]) -> (Option<Shape>, Shape) {
    let trace_id = shape(1, 1, 0).trace_id;
    let id = |place: usize| SpanId::from_bytes(&(place as u64 + 1).to_be_bytes()).unwrap();
    let mut whole = WholeTrace { trace_id, spans: Vec::new() };
    let mut spans = Vec::new();
    for (place, (parent, kind, service, name)) in sketch.iter().enumerate() {
        let (service, name) = (Arc::from(*service), Arc::from(*name));
        whole.spans.push(WholeSpan { parent: *parent, kind: *kind, service, name });
        let mut span = contract::span(1, place as u64 + 1, sketch[place].2, place as u64);
        (span.trace_id, span.parent_span_id, span.kind) = (trace_id, parent.map(id), *kind);
        sketch[place].3.clone_into(&mut span.name);
        spans.push(Arc::new(span));
    }
    (Shape::of_whole(&whole), Shape::of(&assemble(&spans)).unwrap())
}

#[test]
fn a_trace_that_was_not_read_has_the_shape_of_one_that_was() {
    use SpanKind::{Client, Internal, Server};
    let fan_out = [
        (None, Server, "a", "GET /"),
        (Some(0), Client, "a", "GET /b"),
        (Some(0), Client, "a", "GET /c"),
        (Some(1), Server, "b", "GET /b"),
        (Some(2), Server, "c", "GET /c"),
        (Some(3), Internal, "b", "work"),
        (Some(5), Client, "b", "GET /d"),
        (Some(6), Server, "d", "GET /d"),
    ];
    let proxies_and_applications = [
        (None, Client, "a", "GET /b"),
        (Some(0), Client, "a", "GET /b"),
        (Some(1), Server, "b", "GET /b"),
        (Some(2), Server, "b", "GET /b"),
    ];
    for sketch in [&fan_out[..], &fan_out[..1], &proxies_and_applications[..]] {
        let (of_whole, read) = both(sketch);
        assert_eq!(of_whole, Some(read));
    }
    let circle = [
        (None, Server, "a", "GET /"),
        (Some(0), Client, "a", "GET /b"),
        (Some(1), Server, "b", "GET /b"),
        (Some(2), Client, "b", "GET /"),
        (Some(3), Server, "a", "GET /"),
    ];
    let (of_whole, read) = both(&circle);
    assert_eq!(of_whole, None, "it has to be looked at closely");
    assert!(read.repeated.is_some());
}

fn found(shapes: &mut Shapes, now: u64, wanted: Measure) -> Option<Excess> {
    let limits = |_: &str, measure| (measure == wanted).then_some(ShapeLimit { limit: 20, traces: 5 });
    shapes.excesses(now, limits).pop().map(|(_, excess)| excess)
}

#[test]
fn five_traces_beyond_the_limit_are_needed() {
    let mut shapes = Shapes::default();
    (0..4).for_each(|number| shapes.observe(1000, shape(number, 30, 0)));
    assert_eq!(found(&mut shapes, 1001, Measure::Depth), None);
    shapes.observe(1001, shape(9, 31, 0));
    let excess = found(&mut shapes, 1002, Measure::Depth).unwrap();
    assert_eq!((excess.largest, excess.allowed, excess.traces.len()), (31, 20, 5));
    assert!(found(&mut shapes, 1120, Measure::Depth).is_some());
    assert_eq!(found(&mut shapes, 1122, Measure::Depth), None, "after two minutes without any it is over");
}

#[test]
fn beyond_the_routes_own_quantile_is_deep_even_below_the_limit() {
    let mut shapes = Shapes::default();
    (0..3000_u64).for_each(|second| shapes.observe(second, shape(1, 4, 0)));
    assert_eq!(found(&mut shapes, 3000, Measure::Depth), None);
    (0..5).for_each(|number| shapes.observe(3300, shape(number, 7, 0)));
    let excess = found(&mut shapes, 3301, Measure::Depth).unwrap();
    assert_eq!((excess.largest, excess.allowed), (7, 4));
}

#[test]
fn a_loop_is_found_unless_the_route_always_had_it() {
    let mut shapes = Shapes::default();
    (0..5).for_each(|number| shapes.observe(10, shape(number, 4, 3)));
    let excess = found(&mut shapes, 11, Measure::Loop).unwrap();
    assert_eq!(excess.repeated.unwrap().0.as_ref(), "web");
    let mut shapes = Shapes::default();
    (0..3000_u64).for_each(|second| shapes.observe(second, shape(1, 4, 3)));
    assert_eq!(found(&mut shapes, 3000, Measure::Loop), None);
}

#[test]
fn made_up_entries_do_not_exhaust_memory() {
    let mut shapes = Shapes::default();
    for number in 0..MAX_ENTRIES + 10 {
        let entry = (Arc::from("gateway"), Arc::from(format!("GET /{number}")));
        shapes.observe(1, Shape { entry, ..shape(1, 1, 0) });
    }
    assert_eq!(shapes.crowded_out(), 10);
}

/// A server span that says where it is, whose parents did not arrive.
fn lonely(attributes: Vec<(&str, Value)>) -> Lifecycle {
    assemble(&[Arc::new(lonely_span(attributes))])
}

fn lonely_span(attributes: Vec<(&str, Value)>) -> Span {
    let attribute = |(key, value): (&str, Value)| Attribute { key: key.to_owned(), value };
    let service = attribute((attribute::SERVICE_NAME, Value::Text("cart".to_owned())));
    Span {
        trace_id: TraceId::from_bytes(&[7; 16]).unwrap(),
        span_id: SpanId::from_bytes(&[1; 8]).unwrap(),
        parent_span_id: SpanId::from_bytes(&[2; 8]),
        trace_state: String::new(),
        flags: 1,
        name: "GET".to_owned(),
        kind: SpanKind::Server,
        start_unix_ns: 10,
        end_unix_ns: 20,
        attributes: attributes.into_iter().map(attribute).collect(),
        events: Vec::new(),
        links: Vec::new(),
        status: StatusCode::Unset,
        status_message: String::new(),
        resource: Arc::new(Resource { attributes: vec![service] }),
    }
}

#[test]
fn depth_and_entry_need_no_complete_trace() {
    let told = vec![
        (attribute::DEPTH, Value::Int(40)),
        (attribute::PATH, Value::Text("gateway>web>cart".to_owned())),
    ];
    let shape = Shape::of(&lonely(told)).unwrap();
    assert_eq!((shape.depth, shape.entry.0.as_ref()), (40, "gateway"));
    let shape = Shape::of(&lonely(Vec::new())).unwrap();
    assert_eq!((shape.depth, shape.entry.0.as_ref()), (1, "cart"));
    let nonsense =
        vec![(attribute::DEPTH, Value::Int(-3)), (attribute::PATH, Value::Text(">cart".to_owned()))];
    let shape = Shape::of(&lonely(nonsense)).unwrap();
    assert_eq!((shape.depth, shape.entry.0.as_ref()), (1, "cart"));
}

#[test]
fn a_trace_that_is_measured_again_is_one_trace() {
    let mut shapes = Shapes::default();
    (0..9).for_each(|second| shapes.observe(1000 + second, shape(1, 30, 0)));
    assert_eq!(found(&mut shapes, 1010, Measure::Depth), None);
}

/// A server span of this service under the client span of the one before.
fn circle(services: &[&str]) -> Lifecycle {
    let mut spans = Vec::new();
    for (place, service) in services.iter().enumerate() {
        let number = place as u64 * 2 + 1;
        spans.push(span(number, number - 1, SpanKind::Server, service));
        spans.push(span(number + 1, number, SpanKind::Client, service));
    }
    assemble(&spans)
}

fn span(id: u64, parent: u64, kind: SpanKind, service: &str) -> Arc<Span> {
    let id_of = |number: u64| SpanId::from_bytes(&number.to_be_bytes());
    let name = Attribute { key: attribute::SERVICE_NAME.to_owned(), value: Value::Text(service.to_owned()) };
    let mut span = lonely_span(Vec::new());
    span.span_id = id_of(id).unwrap();
    span.parent_span_id = id_of(parent);
    span.name = "GET /".to_owned();
    span.kind = kind;
    (span.start_unix_ns, span.end_unix_ns) = (id, 1000 - id);
    span.resource = Arc::new(Resource { attributes: vec![name] });
    Arc::new(span)
}

fn closes(services: &[&str]) -> Option<(String, String, usize)> {
    let repeated = Shape::of(&circle(services)).unwrap().repeated;
    repeated.map(|(service, asked, times)| (service.to_string(), asked.to_string(), times))
}

#[test]
fn who_closes_the_circle_is_who_first_asks_again() {
    let found = |service: &str, asked: &str, times| Some((service.to_owned(), asked.to_owned(), times));
    assert_eq!(closes(&["gateway", "front", "cart"]), None);
    let twice = ["gateway", "front", "cart", "front", "cart"];
    assert_eq!(closes(&twice), found("cart", "-> front GET /", 2));
    let long = ["gateway", "front", "cart", "stock", "cart", "stock", "cart", "stock"];
    assert_eq!(closes(&long), found("stock", "-> cart GET /", 3));
}

#[test]
fn a_trace_whose_begin_is_missing_is_outvoted() {
    let mut shapes = Shapes::default();
    let entry = (Arc::from("gateway"), Arc::from("GET /"));
    let mut observe = |number: u8, services: &[&str]| {
        let repeated = Shape::of(&circle(services)).unwrap().repeated;
        shapes.observe(10, Shape { entry: entry.clone(), repeated, ..shape(number, 1, 0) });
    };
    observe(0, &["cart", "front", "cart", "front", "cart", "front", "cart"]);
    (1..5).for_each(|number| observe(number, &["front", "cart", "front", "cart", "front", "cart"]));
    assert_eq!(found(&mut shapes, 11, Measure::Loop).unwrap().repeated.unwrap().0.as_ref(), "cart");
}
