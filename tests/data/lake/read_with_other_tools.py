"""Reads one file of the lake with other tools, and checks types and values.

Usage: read_with_other_tools.py FILE. Prints the names of the tools that read it.
"""

import datetime
import sys

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 1, 2, 0, 0, 0, 123456, tzinfo=UTC)
EXPECTED = {
    "a_bool": True,
    "a_datetime": MOMENT,
    "a_dynamic": '{"a":[1,2]}',
    "a_guid": "74be27de-1e4e-49d9-b579-fe0b331d3642",
    "a_int": -7,
    "a_long": 1 << 40,
    "a_real": 2.5,
    "a_string": "übung",
    "a_timespan": 90_000_000_000,
    "DeviceId": "d1",
    "_hunt": "all-types",
    "_window_start": datetime.datetime(2026, 1, 2, tzinfo=UTC),
    "_window_end": datetime.datetime(2026, 1, 2, 1, tzinfo=UTC),
}


def duckdb_row(path):
    import duckdb

    relation = duckdb.sql(f"select * from '{path}' limit 1")
    # Python values with a zone need a module that few have; the type itself is what counts.
    zoned = [
        name
        for name, kind in zip(relation.columns, relation.types)
        if str(kind) in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS")
    ]
    shown = [
        f"\"{name}\" at time zone 'UTC'" if name in zoned else f'"{name}"'
        for name in relation.columns
    ]
    row = dict(zip(relation.columns, relation.project(", ".join(shown)).fetchall()[0]))
    return row | {name: row[name].replace(tzinfo=UTC) for name in zoned}


def pyarrow_row(path):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path, partitioning=None).slice(0, 1)
    row = {}
    for name, column in zip(table.column_names, table.columns):
        if str(column.type).startswith("timestamp"):
            column = column.cast(pyarrow.timestamp("us", "UTC"), safe=False)
        row[name] = column[0].as_py()
    return row


def polars_row(path):
    import polars

    return polars.read_parquet(path, hive_partitioning=False).row(0, named=True)


def main():
    readers = {"duckdb": duckdb_row, "pyarrow": pyarrow_row, "polars": polars_row}
    for tool, read in readers.items():
        row = read(sys.argv[1])
        assert float(row["a_decimal"]) == -1.5, (tool, row["a_decimal"])
        for name, value in EXPECTED.items():
            assert row[name] == value, (tool, name, row[name], value)
        print(tool)


main()
