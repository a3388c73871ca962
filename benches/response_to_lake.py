#!/usr/bin/env python3
"""The work of response_to_lake.rs with orjson and polars, for comparison.

    cargo bench --bench response_to_lake -- --keep response.json
    python3 benches/response_to_lake.py response.json

Reads a response of advanced hunting, makes a frame of it with the types of its columns, writes it
as Parquet with zstd, and prints the rate and the peak of its resident memory.
"""

import os
import resource
import sys
import tempfile
import time

import orjson
import polars

TYPES = {
    "DateTime": polars.String,
    "Int64": polars.Int64,
    "Int32": polars.Int32,
    "Double": polars.Float64,
    "SByte": polars.Boolean,
    "Boolean": polars.Boolean,
}


def main() -> None:
    path = sys.argv[1]
    megabytes = os.path.getsize(path) / 1e6
    began = time.perf_counter()
    with open(path, "rb") as file:
        response = orjson.loads(file.read())
    members = {key.lower(): value for key, value in response.items()}
    columns = [
        {key.lower(): value for key, value in column.items()} for column in members["schema"]
    ]
    rows = members["results"]
    nested = [column["name"] for column in columns if column["type"] == "Object"]
    for row in rows:
        for name in nested:
            if row[name] is not None:
                row[name] = orjson.dumps(row[name]).decode()
    schema = {column["name"]: TYPES.get(column["type"], polars.String) for column in columns}
    frame = polars.DataFrame(rows, schema=schema)
    times = [
        polars.col(column["name"]).str.to_datetime(
            "%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ns", time_zone="UTC"
        )
        for column in columns
        if column["type"] == "DateTime"
    ]
    frame = frame.with_columns(times)
    framed = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        frame.write_parquet(os.path.join(folder, "response.parquet"), compression="zstd")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"frame after {framed:.2f} s")
    print(
        f"response to Parquet: {frame.height} rows of {frame.width} columns, {megabytes:.0f} MB "
        f"in {seconds:.2f} s, {megabytes / seconds:.0f} MB/s"
    )
    print(f"memory: {peak} MiB")


main()
