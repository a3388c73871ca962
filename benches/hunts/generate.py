"""Writes synthetic telemetry in the schema of Microsoft Defender, the same in every run: one folder
of Parquet files per table, for `compare.py`.

usage: python generate.py FOLDER [--rows MILLIONS]      (needs: pip install duckdb)
"""
import argparse
import pathlib

import duckdb

# Rows of each table per million rows in all.
SHARES = {"DeviceProcessEvents": 0.45, "DeviceNetworkEvents": 0.40, "DeviceLogonEvents": 0.15}
DAYS = 30

# A number from 0 to n - 1 that a row and a purpose determine.
PICK = "CREATE MACRO pick(i, purpose, n) AS CAST(hash(i, purpose) % n AS BIGINT)"
# The same, where small numbers are frequent.
SKEW = "CREATE MACRO skew(i, purpose, n) AS CAST(floor(power((hash(i, purpose) % 1000000) / 1e6, 3) * n) AS BIGINT)"

COMMON = f"""
  TIMESTAMPTZ '2025-06-01 00:00:00+00'
    + to_microseconds(CAST(CAST(i AS HUGEINT) * {DAYS * 86_400_000_000} // total AS BIGINT)) AS Timestamp,
  md5('device' || skew(i, 'device', 2000)) AS DeviceId,
  CASE WHEN skew(i, 'device', 2000) % 10 = 0 THEN 'SRV-' ELSE 'PC-' END
    || lpad(CAST(skew(i, 'device', 2000) AS VARCHAR), 5, '0') || '.corp.example' AS DeviceName,
  'user' || skew(i, 'account', 5000) AS AccountName"""

PROGRAMS = """['svchost.exe', 'chrome.exe', 'powershell.exe', 'cmd.exe', 'conhost.exe',
  'WerFault.exe', 'msedge.exe', 'explorer.exe', 'rundll32.exe', 'certutil.exe', 'regsvr32.exe',
  'mshta.exe', 'teams.exe', 'outlook.exe', 'WINWORD.EXE', 'excel.exe']"""

TABLES = {
    "DeviceProcessEvents": f"""SELECT {COMMON},
  'ProcessCreated' AS ActionType,
  program AS FileName,
  'C:\\Program Files\\' || split_part(program, '.', 1) AS FolderPath,
  sha256(program || CASE WHEN pick(i, 'rare', 2000) = 0 THEN pick(i, 'build', 1000000)
                         ELSE pick(i, 'build', 40) END) AS SHA256,
  CAST(1000 + pick(i, 'pid', 60000) AS INTEGER) AS ProcessId,
  CASE
    WHEN program = 'WerFault.exe'
      THEN 'WerFault.exe -u -p ' || pick(i, 'crash', 60000) || ' -s ' || pick(i, 'section', 4000)
    WHEN pick(i, 'kind', 400) = 0
      THEN program || ' -nop -w hidden -enc ' || left(sha256(CAST(i AS VARCHAR)), 40)
    WHEN pick(i, 'kind', 400) < 12
      THEN program || ' /fetch https://host' || skew(i, 'site', 3000) || '.example.net/a?q=' || i
    ELSE '"C:\\Program Files\\' || program || '" --session ' || pick(i, 'session', 100000)
  END AS ProcessCommandLine,
  list_extract({PROGRAMS}, skew(i, 'parent', 16) + 1) AS InitiatingProcessFileName,
  CAST(1000 + pick(i, 'parent pid', 60000) AS INTEGER) AS InitiatingProcessId,
  CASE WHEN pick(i, 'signed', 8) = 0
    THEN '{{"Signers":[{{"Subject":"Publisher ' || skew(i, 'signer', 60)
      || '","Issuer":"Authority ' || skew(i, 'signer', 60) % 7 || '"}}],"Size":' || pick(i, 'size', 90000) || '}}'
    ELSE '' END AS AdditionalFields
FROM (SELECT i, total, list_extract({PROGRAMS}, skew(i, 'program', 16) + 1) AS program FROM rows)""",
    "DeviceNetworkEvents": f"""SELECT {COMMON},
  CASE WHEN pick(i, 'action', 5) = 0 THEN 'ConnectionFailed' ELSE 'ConnectionSuccess' END AS ActionType,
  CASE WHEN pick(i, 'public', 3) = 0 THEN '10.' ELSE '203.' END
    || skew(i, 'net', 250) || '.' || skew(i, 'subnet', 250) || '.' || pick(i, 'host', 20) AS RemoteIP,
  CASE WHEN pick(i, 'public', 3) = 0 THEN 'Private' ELSE 'Public' END AS RemoteIPType,
  CAST(list_extract([443, 80, 53, 8080, 22], skew(i, 'port', 5) + 1) AS INTEGER) AS RemotePort,
  CASE WHEN pick(i, 'named', 4) = 0 THEN '' ELSE 'host' || skew(i, 'site', 20000) || '.example.net' END AS RemoteUrl,
  list_extract({PROGRAMS}, skew(i, 'program', 16) + 1) AS InitiatingProcessFileName,
  CAST(1000 + pick(i, 'pid', 60000) AS INTEGER) AS InitiatingProcessId
FROM rows""",
    "DeviceLogonEvents": f"""SELECT {COMMON},
  CASE WHEN pick(i, 'action', 12) = 0 THEN 'LogonFailed' ELSE 'LogonSuccess' END AS ActionType,
  CASE WHEN pick(i, 'remote', 2) = 0 THEN '' ELSE '10.' || skew(i, 'net', 200) || '.' || skew(i, 'subnet', 30)
    || '.' || pick(i, 'host', 10) END AS RemoteIP,
  list_extract(['Network', 'Interactive', 'RemoteInteractive', 'Service'], skew(i, 'logon', 4) + 1) AS LogonType
FROM rows""",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=float, default=10, help="in all tables, in millions")
    options = parser.parse_args()
    database = duckdb.connect()
    database.execute("SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
    database.execute(PICK)
    database.execute(SKEW)
    for table, share in SHARES.items():
        folder = options.folder / table
        folder.mkdir(parents=True, exist_ok=True)
        total = int(options.rows * share * 1_000_000)
        parts = max(1, total // 1_000_000)
        for part in range(parts):
            first, last = total * part // parts, total * (part + 1) // parts
            rows = f"(SELECT range AS i, {total} AS total FROM range({first}, {last}))"
            query = f"WITH rows AS {rows} {TABLES[table]}"
            target = folder / f"part-{part:03}.parquet"
            database.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)")
        print(f"{table}: {total} rows")


if __name__ == "__main__":
    main()
