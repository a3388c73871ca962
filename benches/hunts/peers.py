"""The hunts of this folder for the engines that `compare.py` compares with, and the program that
runs one of them: python peers.py ENGINE FOLDER HUNT RUNS THREADS

Prints a JSON line: the rows of the answer, the sum of the column in `CHECKED`, and of each run
after the first the wall and the CPU seconds.
"""
import json
import os
import pathlib
import resource
import sys
import time

ENGINES = ["duckdb", "polars", "datafusion", "clickhouse"]

# A column of each answer that every engine must agree on; `None` where rows say enough.
CHECKED = {
    "connections_by_hour": "Connections",
    "connections_of_tools": None,
    "crashes": "Crashes",
    "destinations_by_device": None,
    "encoded_command_line": None,
    "failures_by_hour": None,
    "hosts_in_command_lines": "Count",
    "last_process_of_device": "ProcessId",
    "password_spray": "Failures",
    "rare_new_files": "Count",
    "servers_in_all_tables": "Events",
    "signers": "Events",
}

FLAGS = r"(-enc([^0-9A-Za-z]|$)|-encodedcommand([^0-9A-Za-z]|$)|(^|[^0-9A-Za-z])frombase64string([^0-9A-Za-z]|$)|(^|[^0-9A-Za-z])downloadfile([^0-9A-Za-z]|$))"
OFFICE = "('winword.exe', 'excel.exe', 'cmd.exe', 'powershell.exe')"
TOOLS = "('certutil.exe', 'mshta.exe', 'rundll32.exe', 'regsvr32.exe')"
HOST = r"https?://([^/\s''"":]+)".replace('""', '"')
CRASH = r"-p ([0-9]+) -s ([0-9]+)"

# Standard SQL, where it is the same for all but the names of a few functions.
CONNECTIONS_OF_TOOLS = f"""
SELECT n."DeviceId", p."Timestamp" AS "Started", n."Timestamp" AS "Connected", p."FileName", p."ProcessCommandLine", n."RemoteIP", n."RemoteUrl"
FROM (SELECT * FROM "DeviceProcessEvents" WHERE lower("FileName") IN {TOOLS}) p
JOIN "DeviceNetworkEvents" n ON n."DeviceId" = p."DeviceId" AND n."InitiatingProcessId" = p."ProcessId"
WHERE n."RemoteIPType" = 'Public' AND n."ActionType" = 'ConnectionSuccess'
  AND n."Timestamp" >= p."Timestamp" AND n."Timestamp" <= p."Timestamp" + INTERVAL '5' MINUTE"""

SQL = {
    "connections_by_hour": {
        "duckdb": "SELECT time_bucket(INTERVAL 1 HOUR, Timestamp) AS h, DeviceName, count(*) AS Connections FROM DeviceNetworkEvents WHERE ActionType = 'ConnectionSuccess' GROUP BY ALL",
        "datafusion": """SELECT date_bin(INTERVAL '1 hour', "Timestamp"), "DeviceName", count(*) AS "Connections" FROM "DeviceNetworkEvents" WHERE "ActionType" = 'ConnectionSuccess' GROUP BY 1, 2""",
        "clickhouse": "SELECT toStartOfHour(Timestamp) AS h, DeviceName, count() AS Connections FROM DeviceNetworkEvents WHERE ActionType = 'ConnectionSuccess' GROUP BY h, DeviceName",
    },
    "connections_of_tools": {
        "duckdb": CONNECTIONS_OF_TOOLS,
        "datafusion": CONNECTIONS_OF_TOOLS,
        "clickhouse": CONNECTIONS_OF_TOOLS,
    },
    "crashes": {
        "duckdb": f"SELECT time_bucket(INTERVAL 1 DAY, Timestamp) AS d, DeviceName, count(*) AS Crashes, max(try_cast(regexp_extract(ProcessCommandLine, '{CRASH}', 1) AS BIGINT)) AS Last FROM DeviceProcessEvents WHERE lower(FileName) = 'werfault.exe' AND regexp_matches(ProcessCommandLine, '{CRASH}') GROUP BY ALL",
        "datafusion": f"""SELECT date_bin(INTERVAL '1 day', "Timestamp"), "DeviceName", count(*) AS "Crashes", max(CAST(regexp_match("ProcessCommandLine", '{CRASH}')[1] AS BIGINT)) FROM "DeviceProcessEvents" WHERE lower("FileName") = 'werfault.exe' AND regexp_like("ProcessCommandLine", '{CRASH}') GROUP BY 1, 2""",
        "clickhouse": f"SELECT toStartOfDay(Timestamp) AS d, DeviceName, count() AS Crashes, max(toInt64OrNull(extract(ProcessCommandLine, '{CRASH}'))) AS Last FROM DeviceProcessEvents WHERE lower(FileName) = 'werfault.exe' AND match(ProcessCommandLine, '{CRASH}') GROUP BY d, DeviceName",
    },
    "destinations_by_device": {
        "duckdb": "SELECT DeviceName, approx_count_distinct(RemoteIP), approx_count_distinct(RemoteUrl) FROM DeviceNetworkEvents WHERE RemoteIPType = 'Public' GROUP BY DeviceName",
        "datafusion": """SELECT "DeviceName", approx_distinct("RemoteIP"), approx_distinct("RemoteUrl") FROM "DeviceNetworkEvents" WHERE "RemoteIPType" = 'Public' GROUP BY "DeviceName\"""",
        "clickhouse": "SELECT DeviceName, uniq(RemoteIP), uniq(RemoteUrl) FROM DeviceNetworkEvents WHERE RemoteIPType = 'Public' GROUP BY DeviceName",
    },
    "encoded_command_line": {
        "duckdb": f"SELECT Timestamp, DeviceName, AccountName, FileName, ProcessCommandLine FROM DeviceProcessEvents WHERE regexp_matches(ProcessCommandLine, '{FLAGS}', 'i') AND lower(InitiatingProcessFileName) IN {OFFICE}",
        "datafusion": f"""SELECT "Timestamp", "DeviceName", "AccountName", "FileName", "ProcessCommandLine" FROM "DeviceProcessEvents" WHERE regexp_like("ProcessCommandLine", '(?i){FLAGS}') AND lower("InitiatingProcessFileName") IN {OFFICE}""",
        "clickhouse": f"SELECT Timestamp, DeviceName, AccountName, FileName, ProcessCommandLine FROM DeviceProcessEvents WHERE match(ProcessCommandLine, '(?i){FLAGS}') AND lower(InitiatingProcessFileName) IN {OFFICE}",
    },
    "failures_by_hour": {
        "duckdb": "WITH n AS (SELECT DeviceName, time_bucket(INTERVAL 1 HOUR, Timestamp) AS h, count(*) AS n FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' GROUP BY ALL), g AS (SELECT DeviceName, unnest(generate_series(TIMESTAMPTZ '2025-06-01 00:00:00+00', TIMESTAMPTZ '2025-06-30 23:00:00+00', INTERVAL 1 HOUR)) AS h FROM (SELECT DISTINCT DeviceName FROM n)) SELECT DeviceName, list(coalesce(n, 0) ORDER BY h), list(h ORDER BY h) FROM g LEFT JOIN n USING (DeviceName, h) GROUP BY DeviceName",
        "clickhouse": "SELECT DeviceName, groupArrayInsertAt(0, 720)(n, i) FROM (SELECT DeviceName, toUInt32(intDiv(toUnixTimestamp(Timestamp) - toUnixTimestamp(toDateTime('2025-06-01 00:00:00', 'UTC')), 3600)) AS i, count() AS n FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' GROUP BY DeviceName, i) GROUP BY DeviceName",
    },
    "hosts_in_command_lines": {
        "duckdb": f"SELECT Host, count(*) AS Count, approx_count_distinct(DeviceId), min(Timestamp) FROM (SELECT lower(regexp_extract(ProcessCommandLine, '{HOST}', 1)) AS Host, DeviceId, Timestamp FROM DeviceProcessEvents WHERE ProcessCommandLine ILIKE '%http%') WHERE Host <> '' GROUP BY Host",
        "datafusion": f"""SELECT "Host", count(*) AS "Count", approx_distinct("DeviceId"), min("Timestamp") FROM (SELECT lower(regexp_match("ProcessCommandLine", '{HOST}')[1]) AS "Host", "DeviceId", "Timestamp" FROM "DeviceProcessEvents" WHERE "ProcessCommandLine" ILIKE '%http%') WHERE "Host" <> '' GROUP BY "Host\"""",
        "clickhouse": "SELECT lower(extract(ProcessCommandLine, '{}')) AS Host, count() AS Count, uniq(DeviceId), min(Timestamp) FROM DeviceProcessEvents WHERE ProcessCommandLine ILIKE '%http%' AND Host != '' GROUP BY Host".format(HOST.replace("\\", "\\\\")),
    },
    "last_process_of_device": {
        "duckdb": "SELECT p.* FROM DeviceProcessEvents p JOIN (SELECT DeviceId, max(Timestamp) AS m FROM DeviceProcessEvents GROUP BY DeviceId) k ON p.DeviceId = k.DeviceId AND p.Timestamp = k.m",
        "datafusion": """SELECT p.* FROM (SELECT "DeviceId" AS d, max("Timestamp") AS m FROM "DeviceProcessEvents" GROUP BY "DeviceId") k JOIN "DeviceProcessEvents" p ON p."DeviceId" = k.d AND p."Timestamp" = k.m""",
        "clickhouse": "SELECT p.* FROM DeviceProcessEvents p INNER JOIN (SELECT DeviceId, max(Timestamp) AS m FROM DeviceProcessEvents GROUP BY DeviceId) k ON p.DeviceId = k.DeviceId AND p.Timestamp = k.m",
    },
    "password_spray": {
        "duckdb": "SELECT RemoteIP, list(DISTINCT AccountName) AS a, count(*) AS Failures, min(Timestamp) FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' AND RemoteIP <> '' GROUP BY RemoteIP HAVING len(a) > 15",
        "datafusion": """SELECT * FROM (SELECT "RemoteIP", array_agg(DISTINCT "AccountName") AS a, count(*) AS "Failures", min("Timestamp") FROM "DeviceLogonEvents" WHERE "ActionType" = 'LogonFailed' AND "RemoteIP" <> '' GROUP BY "RemoteIP") WHERE array_length(a) > 15""",
        "clickhouse": "SELECT RemoteIP, groupUniqArray(AccountName) AS a, count() AS Failures, min(Timestamp) FROM DeviceLogonEvents WHERE ActionType = 'LogonFailed' AND RemoteIP != '' GROUP BY RemoteIP HAVING length(a) > 15",
    },
    "rare_new_files": {
        "duckdb": "SELECT r.* FROM (SELECT FileName, SHA256, count(*) AS Count, approx_count_distinct(DeviceId) AS d, min(Timestamp) AS f FROM DeviceProcessEvents GROUP BY FileName, SHA256 HAVING count(*) < 5) r ANTI JOIN (SELECT DISTINCT SHA256 FROM DeviceProcessEvents WHERE Timestamp < TIMESTAMPTZ '2025-06-25 00:00:00+00') k USING (SHA256) ORDER BY f",
        "datafusion": """SELECT r.* FROM (SELECT "FileName", "SHA256", count(*) AS "Count", approx_distinct("DeviceId") AS d, min("Timestamp") AS f FROM "DeviceProcessEvents" GROUP BY "FileName", "SHA256" HAVING count(*) < 5) r LEFT ANTI JOIN (SELECT DISTINCT "SHA256" FROM "DeviceProcessEvents" WHERE "Timestamp" < TIMESTAMP '2025-06-25 00:00:00Z') k ON r."SHA256" = k."SHA256" ORDER BY f""",
        "clickhouse": "SELECT r.* FROM (SELECT FileName, SHA256, count() AS Count, uniq(DeviceId) AS d, min(Timestamp) AS f FROM DeviceProcessEvents GROUP BY FileName, SHA256 HAVING Count < 5) r LEFT ANTI JOIN (SELECT DISTINCT SHA256 FROM DeviceProcessEvents WHERE Timestamp < toDateTime64('2025-06-25 00:00:00', 6, 'UTC')) k ON r.SHA256 = k.SHA256 ORDER BY f",
    },
    "servers_in_all_tables": {
        engine: "SELECT t, \"ActionType\", d, count(*) AS \"Events\", {distinct}(\"DeviceName\") FROM ({legs}) GROUP BY t, \"ActionType\", d".format(
            distinct=distinct,
            legs=" UNION ALL ".join(
                f"""SELECT '{table}' AS t, "ActionType", {day} AS d, "DeviceName" FROM "{table}" WHERE "Timestamp" >= {first} AND "Timestamp" <= {last} AND "DeviceName" ILIKE 'srv-%'"""
                for table in ["DeviceProcessEvents", "DeviceNetworkEvents", "DeviceLogonEvents"]
            ),
        )
        for engine, distinct, day, first, last in [
            ("duckdb", "approx_count_distinct", "date_trunc('day', \"Timestamp\")", "TIMESTAMPTZ '2025-06-10 00:00:00+00'", "TIMESTAMPTZ '2025-06-12 00:00:00+00'"),
            ("datafusion", "approx_distinct", "date_trunc('day', \"Timestamp\")", "TIMESTAMP '2025-06-10 00:00:00Z'", "TIMESTAMP '2025-06-12 00:00:00Z'"),
            ("clickhouse", "uniq", "toStartOfDay(\"Timestamp\")", "toDateTime64('2025-06-10 00:00:00', 6, 'UTC')", "toDateTime64('2025-06-12 00:00:00', 6, 'UTC')"),
        ]
    },
    "signers": {
        "duckdb": "SELECT json_extract_string(s, '$.Subject') AS Subject, FileName, count(*) AS Events FROM (SELECT FileName, unnest(json_extract(AdditionalFields, '$.Signers[*]')) AS s FROM DeviceProcessEvents WHERE AdditionalFields <> '') GROUP BY ALL",
        "clickhouse": "SELECT JSONExtractString(s, 'Subject') AS Subject, FileName, count() AS Events FROM (SELECT FileName, arrayJoin(JSONExtractArrayRaw(assumeNotNull(AdditionalFields), 'Signers')) AS s FROM DeviceProcessEvents WHERE AdditionalFields != '') GROUP BY Subject, FileName",
    },
}


def polars_hunt(name, tables):
    """The hunt as a lazy frame."""
    import datetime
    import polars as pl

    col, utc = pl.col, datetime.timezone.utc
    process, network, logons = (
        tables["DeviceProcessEvents"],
        tables["DeviceNetworkEvents"],
        tables["DeviceLogonEvents"],
    )
    day = lambda month, number: pl.lit(datetime.datetime(2025, month, number, tzinfo=utc))
    match name:
        case "connections_by_hour":
            rows = network.filter(col("ActionType") == "ConnectionSuccess")
            keys = [col("Timestamp").dt.truncate("1h"), "DeviceName"]
            return rows.group_by(keys).agg(Connections=pl.len())
        case "connections_of_tools":
            tools = ["certutil.exe", "mshta.exe", "rundll32.exe", "regsvr32.exe"]
            started = process.filter(col("FileName").str.to_lowercase().is_in(tools))
            started = started.select("DeviceId", "ProcessId", "FileName", "ProcessCommandLine", Started="Timestamp")
            public = (col("RemoteIPType") == "Public") & (col("ActionType") == "ConnectionSuccess")
            made = network.filter(public)
            made = made.select("DeviceId", "RemoteIP", "RemoteUrl", ProcessId="InitiatingProcessId", Connected="Timestamp")
            joined = made.join(started, on=["DeviceId", "ProcessId"])
            return joined.filter(
                (col("Connected") >= col("Started")) & (col("Connected") <= col("Started") + pl.duration(minutes=5))
            )
        case "crashes":
            rows = process.filter(col("FileName").str.to_lowercase() == "werfault.exe")
            number = col("ProcessCommandLine").str.extract(CRASH, 1).cast(pl.Int64)
            rows = rows.with_columns(Process=number).filter(col("Process").is_not_null())
            keys = [col("Timestamp").dt.truncate("1d"), "DeviceName"]
            return rows.group_by(keys).agg(Crashes=pl.len(), Last=col("Process").max())
        case "destinations_by_device":
            rows = network.filter(col("RemoteIPType") == "Public").group_by("DeviceName")
            return rows.agg(col("RemoteIP").approx_n_unique(), col("RemoteUrl").approx_n_unique())
        case "encoded_command_line":
            office = ["winword.exe", "excel.exe", "cmd.exe", "powershell.exe"]
            rows = process.filter(col("InitiatingProcessFileName").str.to_lowercase().is_in(office))
            rows = rows.filter(col("ProcessCommandLine").str.contains("(?i)" + FLAGS))
            return rows.select("Timestamp", "DeviceName", "AccountName", "FileName", "ProcessCommandLine")
        case "failures_by_hour":
            failed = logons.filter(col("ActionType") == "LogonFailed")
            counts = failed.group_by("DeviceName", Hour=col("Timestamp").dt.truncate("1h")).agg(n=pl.len())
            first = datetime.datetime(2025, 6, 1, tzinfo=utc)
            hours = pl.datetime_range(first, first + datetime.timedelta(hours=719), "1h", time_unit="us", eager=True)
            grid = failed.select("DeviceName").unique().join(pl.LazyFrame({"Hour": hours}), how="cross")
            filled = grid.join(counts, on=["DeviceName", "Hour"], how="left").with_columns(col("n").fill_null(0))
            return filled.sort("Hour").group_by("DeviceName").agg("n", "Hour")
        case "hosts_in_command_lines":
            rows = process.filter(col("ProcessCommandLine").str.contains("(?i)http"))
            host = col("ProcessCommandLine").str.extract(HOST.replace("''", "'"), 1).str.to_lowercase()
            rows = rows.with_columns(Host=host).filter(col("Host").is_not_null()).group_by("Host")
            return rows.agg(Count=pl.len(), Devices=col("DeviceId").approx_n_unique(), First=col("Timestamp").min())
        case "last_process_of_device":
            last = process.group_by("DeviceId").agg(col("Timestamp").max())
            return process.join(last, on=["DeviceId", "Timestamp"], how="semi")
        case "password_spray":
            rows = logons.filter((col("ActionType") == "LogonFailed") & (col("RemoteIP") != "")).group_by("RemoteIP")
            rows = rows.agg(Accounts=col("AccountName").unique(), Failures=pl.len(), First=col("Timestamp").min())
            return rows.filter(col("Accounts").list.len() > 15)
        case "rare_new_files":
            known = process.filter(col("Timestamp") < day(6, 25)).select("SHA256").unique()
            rows = process.group_by("FileName", "SHA256")
            rows = rows.agg(Count=pl.len(), Devices=col("DeviceId").approx_n_unique(), First=col("Timestamp").min())
            return rows.filter(col("Count") < 5).join(known, on="SHA256", how="anti").sort("First")
        case "servers_in_all_tables":
            inside = (col("Timestamp") >= day(6, 10)) & (col("Timestamp") <= day(6, 12))
            servers = inside & col("DeviceName").str.contains("(?i)^srv-")
            legs = [
                frame.filter(servers).select("ActionType", "DeviceName", Day=col("Timestamp").dt.truncate("1d"), Table=pl.lit(table))
                for table, frame in tables.items()
            ]
            rows = pl.concat(legs).group_by("Table", "ActionType", "Day")
            return rows.agg(Events=pl.len(), Devices=col("DeviceName").approx_n_unique())
        case "signers":
            shape = pl.Struct({"Signers": pl.List(pl.Struct({"Subject": pl.String}))})
            rows = process.filter(col("AdditionalFields") != "")
            signers = col("AdditionalFields").str.json_decode(shape).struct.field("Signers")
            rows = rows.select("FileName", Signer=signers).explode("Signer")
            return rows.group_by("FileName", Subject=col("Signer").struct.field("Subject")).agg(Events=pl.len())


def runner(engine, folder, hunt, threads):
    """A function that runs the hunt and returns an Arrow table, or `None` if the engine has no such hunt."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    query = SQL[hunt].get(engine)
    if engine == "polars":
        import polars

        tables = {name: polars.scan_parquet(f"{folder}/{name}/*.parquet") for name in names}
        return lambda: polars_hunt(hunt, tables).collect(engine="streaming").to_arrow()
    if query is None:
        return None
    if engine == "duckdb":
        import duckdb

        connection = duckdb.connect()
        connection.execute(f"SET threads = {threads}; SET TimeZone = 'UTC'")
        for name in names:
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{name}/*.parquet')")
        return lambda: connection.execute(query).to_arrow_table()
    if engine == "datafusion":
        import datafusion

        context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(threads))
        for name in names:
            context.register_parquet(f'"{name}"', str(folder / name))
        return lambda: context.sql(query).to_arrow_table()
    import chdb.session
    import pyarrow

    session = chdb.session.Session()
    session.query(f"SET max_threads = {threads}")
    session.query("SET session_timezone = 'UTC'")
    for name in names:
        session.query(f"CREATE VIEW {name} AS SELECT * FROM file('{folder}/{name}/*.parquet', Parquet)")
    return lambda: pyarrow.ipc.open_file(pyarrow.py_buffer(session.query(query, "Arrow").bytes())).read_all()


def main():
    engine, folder, hunt, runs, threads = sys.argv[1], pathlib.Path(sys.argv[2]), *sys.argv[3:6]
    os.environ["POLARS_MAX_THREADS"] = threads
    os.environ["TOKIO_WORKER_THREADS"] = threads
    run = runner(engine, folder, hunt, int(threads))
    if run is None:
        print("null")
        return
    answer = run()
    walls, processor = [], []
    for _ in range(int(runs)):
        started, before = time.perf_counter(), time.process_time()
        run()
        walls.append(time.perf_counter() - started)
        processor.append(time.process_time() - before)
    column = CHECKED[hunt]
    total = sum(answer.column(column).to_pylist()) if column else None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": answer.num_rows, "sum": total, "walls": walls, "cpu": processor, "peak_rss_mb": peak}))


if __name__ == "__main__":
    main()
