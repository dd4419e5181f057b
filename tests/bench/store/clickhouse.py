"""The same spans in ClickHouse, in the table that its exporter of the OpenTelemetry Collector makes (`otel_traces`).

usage: clickhouse.py ROWS FOLDER TRACE_ID...    (ROWS in ClickHouse's format RowBinary; FOLDER takes the database)

Runs the engine itself, in this process: no network, no server, and one insert of everything. Prints one JSON object: version,
processor time of the insert with all merges in seconds, bytes on disk afterwards, rows, and for each trace id the milliseconds
of one lookup.
"""

import json
import resource
import sys
import time

from chdb import session

MAP = "Map(LowCardinality(String), String) CODEC(ZSTD(1))"
TABLE = f"""
CREATE TABLE otel_traces (
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes {MAP},
    SpanAttributes {MAP},
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX resource_keys mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX resource_values mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX span_keys mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX span_values mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX duration Duration TYPE minmax GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
"""


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def one(database, question):
    return str(database.query(question, "TSVRaw")).strip()


def lookup_ms(database, trace_id):
    begun = time.perf_counter()
    answer = str(database.query(f"SELECT * FROM otel_traces WHERE TraceId = '{trace_id}'", "JSONEachRow"))
    took = (time.perf_counter() - begun) * 1e3
    if trace_id not in answer:
        sys.exit(f"trace {trace_id} is not found")
    return took


def main():
    rows, folder, trace_ids = sys.argv[1], sys.argv[2], sys.argv[3:]
    database = session.Session(folder)
    database.query("CREATE DATABASE bench ENGINE = Atomic")
    database.query("USE bench")
    database.query(TABLE)
    begun = cpu_s()
    database.query(f"INSERT INTO otel_traces SELECT * FROM file('{rows}', RowBinary, '{columns(database)}')")
    database.query("OPTIMIZE TABLE otel_traces FINAL")
    insert_cpu_s = cpu_s() - begun
    parts = "FROM system.parts WHERE active AND table = 'otel_traces'"
    print(json.dumps({
        "version": one(database, "SELECT version()"),
        "insert_cpu_s": insert_cpu_s,
        "bytes": int(one(database, f"SELECT sum(bytes_on_disk) {parts}")),
        "rows": int(one(database, f"SELECT sum(rows) {parts}")),
        "lookups_ms": [lookup_ms(database, trace_id) for trace_id in trace_ids],
    }))


def columns(database):
    """Names and types of the table, as the function `file` wants them."""
    described = json.loads(str(database.query("DESCRIBE TABLE otel_traces", "JSON")))["data"]
    return ", ".join(f"{column['name']} {column['type']}" for column in described)


if __name__ == "__main__":
    main()
