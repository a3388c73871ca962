"""Times the hunts of this folder on huntd's engine and, as SQL, on DuckDB, DataFusion and ClickHouse,
over the same Parquet files, one process per engine and hunt.

    python -m venv venv && venv/bin/pip install duckdb datafusion chdb
    venv/bin/python generate.py /some/scratch/hunts
    cargo build --release -p kql-datafusion --example hunts
    venv/bin/python compare.py /some/scratch/hunts --engine target/release/examples/hunts

Prints the median wall time of each in seconds, the rows of the answer, and the geometric mean of
huntd's time over each other engine's. Answers of another number of rows are marked with `!`.
"""
import argparse
import json
import math
import pathlib
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
HAS = r"(-enc([^0-9A-Za-z]|$)|-encodedcommand([^0-9A-Za-z]|$)|(^|[^0-9A-Za-z])frombase64string([^0-9A-Za-z]|$)|(^|[^0-9A-Za-z])downloadfile([^0-9A-Za-z]|$))"

# Each hunt as SQL, for all engines or for one of them.
SQL = {
    "encoded_command_line": {
        "duckdb": f"SELECT Timestamp, DeviceName, AccountName, FileName, ProcessCommandLine FROM DeviceProcessEvents WHERE regexp_matches(ProcessCommandLine, '{HAS}', 'i') AND lower(InitiatingProcessFileName) IN ('winword.exe', 'excel.exe', 'cmd.exe', 'powershell.exe')",
        "datafusion": f"SELECT \"Timestamp\", \"DeviceName\", \"AccountName\", \"FileName\", \"ProcessCommandLine\" FROM \"DeviceProcessEvents\" WHERE regexp_like(\"ProcessCommandLine\", '(?i){HAS}') AND lower(\"InitiatingProcessFileName\") IN ('winword.exe', 'excel.exe', 'cmd.exe', 'powershell.exe')",
        "clickhouse": f"SELECT Timestamp, DeviceName, AccountName, FileName, ProcessCommandLine FROM DeviceProcessEvents WHERE match(ProcessCommandLine, '(?i){HAS}') AND lower(InitiatingProcessFileName) IN ('winword.exe', 'excel.exe', 'cmd.exe', 'powershell.exe')",
    },
    "connections_by_hour": {
        "duckdb": "SELECT time_bucket(INTERVAL 1 HOUR, Timestamp) AS h, DeviceName, count(*) FROM DeviceNetworkEvents WHERE ActionType = 'ConnectionSuccess' GROUP BY ALL",
        "datafusion": "SELECT date_bin(INTERVAL '1 hour', \"Timestamp\"), \"DeviceName\", count(*) FROM \"DeviceNetworkEvents\" WHERE \"ActionType\" = 'ConnectionSuccess' GROUP BY 1, 2",
        "clickhouse": "SELECT toStartOfHour(Timestamp) AS h, DeviceName, count() FROM DeviceNetworkEvents WHERE ActionType = 'ConnectionSuccess' GROUP BY h, DeviceName",
    },
    "destinations_by_device": {
        "duckdb": "SELECT DeviceName, approx_count_distinct(RemoteIP), approx_count_distinct(RemoteUrl) FROM DeviceNetworkEvents WHERE RemoteIPType = 'Public' GROUP BY DeviceName",
        "datafusion": "SELECT \"DeviceName\", approx_distinct(\"RemoteIP\"), approx_distinct(\"RemoteUrl\") FROM \"DeviceNetworkEvents\" WHERE \"RemoteIPType\" = 'Public' GROUP BY \"DeviceName\"",
        "clickhouse": "SELECT DeviceName, uniq(RemoteIP), uniq(RemoteUrl) FROM DeviceNetworkEvents WHERE RemoteIPType = 'Public' GROUP BY DeviceName",
    },
    "last_process_of_device": {
        "duckdb": "SELECT p.* FROM DeviceProcessEvents p JOIN (SELECT DeviceId, max(Timestamp) AS m FROM DeviceProcessEvents GROUP BY DeviceId) k ON p.DeviceId = k.DeviceId AND p.Timestamp = k.m",
        "datafusion": "SELECT p.* FROM (SELECT \"DeviceId\" AS d, max(\"Timestamp\") AS m FROM \"DeviceProcessEvents\" GROUP BY \"DeviceId\") k JOIN \"DeviceProcessEvents\" p ON p.\"DeviceId\" = k.d AND p.\"Timestamp\" = k.m",
        "clickhouse": "SELECT p.* FROM DeviceProcessEvents p INNER JOIN (SELECT DeviceId, max(Timestamp) AS m FROM DeviceProcessEvents GROUP BY DeviceId) k ON p.DeviceId = k.DeviceId AND p.Timestamp = k.m",
    },
    "signers": {
        "duckdb": "SELECT json_extract_string(s, '$.Subject') AS Subject, FileName, count(*) FROM (SELECT FileName, unnest(json_extract(AdditionalFields, '$.Signers[*]')) AS s FROM DeviceProcessEvents WHERE AdditionalFields <> '') GROUP BY ALL",
        "clickhouse": "SELECT JSONExtractString(s, 'Subject') AS Subject, FileName, count() FROM (SELECT FileName, arrayJoin(JSONExtractArrayRaw(assumeNotNull(AdditionalFields), 'Signers')) AS s FROM DeviceProcessEvents WHERE AdditionalFields != '') GROUP BY Subject, FileName",
    },
    "rare_new_files": {
        "duckdb": "SELECT r.* FROM (SELECT FileName, SHA256, count(*) AS n, approx_count_distinct(DeviceId) AS d, min(Timestamp) AS f FROM DeviceProcessEvents GROUP BY FileName, SHA256 HAVING count(*) < 5) r ANTI JOIN (SELECT DISTINCT SHA256 FROM DeviceProcessEvents WHERE Timestamp < TIMESTAMPTZ '2025-06-25 00:00:00+00') k USING (SHA256) ORDER BY f",
        "clickhouse": "SELECT r.* FROM (SELECT FileName, SHA256, count() AS n, uniq(DeviceId) AS d, min(Timestamp) AS f FROM DeviceProcessEvents GROUP BY FileName, SHA256 HAVING n < 5) r LEFT ANTI JOIN (SELECT DISTINCT SHA256 FROM DeviceProcessEvents WHERE Timestamp < toDateTime64('2025-06-25 00:00:00', 6, 'UTC')) k ON r.SHA256 = k.SHA256 ORDER BY f",
    },
    "password_spray": {
        "duckdb": "SELECT RemoteIP, list(DISTINCT AccountName) AS a, count(*), min(Timestamp) FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' AND RemoteIP <> '' GROUP BY RemoteIP HAVING len(a) > 15",
        "clickhouse": "SELECT RemoteIP, groupUniqArray(AccountName) AS a, count(), min(Timestamp) FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' AND RemoteIP != '' GROUP BY RemoteIP HAVING length(a) > 15",
    },
    "hosts_in_command_lines": {
        "duckdb": r"SELECT Host, count(*), approx_count_distinct(DeviceId), min(Timestamp) FROM (SELECT lower(regexp_extract(ProcessCommandLine, 'https?://([^/\s''"":]+)', 1)) AS Host, DeviceId, Timestamp FROM DeviceProcessEvents WHERE ProcessCommandLine ILIKE '%http%') WHERE Host <> '' GROUP BY Host",
        "clickhouse": r"SELECT lower(extract(ProcessCommandLine, 'https?://([^/\\s\'"":]+)')) AS Host, count(), uniq(DeviceId), min(Timestamp) FROM DeviceProcessEvents WHERE ProcessCommandLine ILIKE '%http%' AND Host != '' GROUP BY Host",
    },
}

PEER = """
import json, pathlib, sys, time
engine, folder, query, runs = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
tables = sorted(path.name for path in folder.iterdir() if path.is_dir())
if engine == "duckdb":
    import duckdb
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET TimeZone = 'UTC'")
    for table in tables:
        connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{table}/*.parquet')")
    run = lambda: connection.execute(query).fetch_arrow_table().num_rows
elif engine == "datafusion":
    import datafusion
    config = datafusion.SessionConfig().with_target_partitions(2)
    context = datafusion.SessionContext(config)
    for table in tables:
        context.register_parquet('"' + table + '"', str(folder / table))
    run = lambda: sum(batch.num_rows for batch in context.sql(query).collect())
else:
    import chdb.session
    session = chdb.session.Session()
    for table in tables:
        session.query(f"CREATE VIEW {table} AS SELECT * FROM file('{folder}/{table}/*.parquet', Parquet)")
    run = lambda: session.query(query + " SETTINGS max_threads = 2", "ArrowTable").num_rows
rows = run()
walls = []
for _ in range(runs):
    started = time.perf_counter()
    run()
    walls.append(time.perf_counter() - started)
print(json.dumps({"rows": rows, "walls": walls}))
"""


def peer(engine, folder, query, runs):
    command = [sys.executable, "-c", PEER, engine, str(folder), query, str(runs)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return None, done.stderr.strip().splitlines()[-1][:200]
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["rows"], statistics.median(answer["walls"])


def huntd(program, folder, hunt, runs):
    command = [program, str(folder), "--threads", "2", "--runs", str(runs), str(hunt)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["rows"], answer["wall_s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--engine", required=True, help="the built example `hunts`")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    engines = ["duckdb", "datafusion", "clickhouse"]
    ratios = {engine: [] for engine in engines}
    print("| hunt | rows | huntd |", " | ".join(engines), "|")
    print("| --- | --- | --- |", " | ".join("---" for _ in engines), "|")
    for hunt in sorted(HERE.glob("*.kql")):
        rows, own = huntd(options.engine, options.folder, hunt, options.runs)
        cells = []
        for engine in engines:
            query = SQL.get(hunt.stem, {}).get(engine)
            if query is None:
                cells.append("–")
                continue
            other_rows, wall = peer(engine, options.folder, query, options.runs)
            if other_rows is None:
                cells.append(f"failed: {wall}")
                continue
            ratios[engine].append(own / wall)
            cells.append(f"{wall:.3f}" + ("" if other_rows == rows else f" ! {other_rows} rows"))
        print(f"| {hunt.stem} | {rows} | {own:.3f} |", " | ".join(cells), "|", flush=True)
    for engine, values in ratios.items():
        if values:
            mean = math.exp(sum(map(math.log, values)) / len(values))
            print(f"huntd / {engine}: {mean:.2f} over {len(values)} hunts")


if __name__ == "__main__":
    main()
