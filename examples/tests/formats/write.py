"""Prints a page that the Python client writes."""

import sys

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client.exposition import generate_latest as text
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

registry = CollectorRegistry()
counter = Counter("requests", "Requests,\nanswered \\ \"quoted\".", ["path"], registry=registry)
for path in ("/", 'a"b\\c\nd', "é"):
    counter.labels(path).inc(3, exemplar={"trace_id": "7f"})
gauge = Gauge("temperature", "", ["room"], unit="celsius", registry=registry)
gauge.labels("a").set(-1.5)
gauge.labels("b").set(float("inf"))
gauge.labels("c").set(float("nan"))
histogram = Histogram("latency_seconds", "Latency.", ["code"], registry=registry)
for value in (0.001, 0.3, 7, 99):
    histogram.labels("200").observe(value, exemplar={"trace_id": "8"})
summary = Summary("size_bytes", "Size.", registry=registry)
summary.observe(1e21)
Info("build", "Build.", registry=registry).info({"version": "1.0"})
Enum("state", "State.", states=["starting", "running"], registry=registry).state("running")
Gauge("utf8.name", "A name of all characters.", ["label.é"], registry=registry).labels("x").set(1)

write = {
    "text": lambda: text(registry, escaping="allow-utf-8"),
    "openmetrics": lambda: openmetrics(registry, escaping="allow-utf-8", version="1.0.0"),
}[sys.argv[1]]
sys.stdout.buffer.write(write())
