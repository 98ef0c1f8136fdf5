"""Prints what the Python client reads of a page, one sample a line, as JSON."""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

read = {"text": text, "openmetrics": openmetrics}[sys.argv[1]]
for family in read(sys.stdin.buffer.read().decode("utf-8")):
    for sample in family.samples:
        timestamp = None if sample.timestamp is None else float(sample.timestamp)
        exemplar = sample.exemplar and [sample.exemplar.labels, repr(float(sample.exemplar.value))]
        line = {
            "labels": {**sample.labels, "__name__": sample.name},
            "value": repr(float(sample.value)),
            "timestamp": timestamp,
            "exemplar": exemplar,
        }
        print(json.dumps(line))
