"""How fast lines of JSON are scanned, per core: megabytes of a wide table by the processor
seconds that queries over it take.

usage: cargo build --release && python3 benches/scan_lines.py [--huntd FILE] [--megabytes N]

It writes N megabytes (1000) of process events with all 68 columns of Defender's schema, most of
which a hunt never names, into a temporary folder, and the same again compressed with gzip (a
fifth of it; its figures count the bytes of the lines). The start of the process is counted, too.
"""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

QUERIES = [
    "DeviceProcessEvents | count",
    "DeviceProcessEvents | where FileName =~ 'powershell.exe' and ProcessCommandLine has 'enc' | count",
    "DeviceProcessEvents | where Timestamp > datetime(2026-01-15T01:00:00Z) and AccountName != 'user1'"
    " | summarize count() by DeviceName | count",
    "DeviceProcessEvents | where * has 'certutil.exe' | count",
]
PROGRAMS = ["svchost.exe", "chrome.exe", "powershell.exe", "cmd.exe", "conhost.exe", "certutil.exe"]
ROWS = 5_000


def process(prefix, row):
    """The columns that describe a process."""
    program = PROGRAMS[row % len(PROGRAMS)]
    digest = hashlib.sha256(f"{prefix}{row % 97}".encode()).hexdigest()
    return {
        f"{prefix}SHA1": digest[:40],
        f"{prefix}SHA256": digest,
        f"{prefix}MD5": digest[:32],
        f"{prefix}FileName": program,
        f"{prefix}FileSize": 10_000 + row % 999,
        f"{prefix}VersionInfoCompanyName": "Example Corporation",
        f"{prefix}VersionInfoProductName": "Example® Operating System",
        f"{prefix}VersionInfoProductVersion": "10.0.17763.1",
        f"{prefix}VersionInfoInternalFileName": program[:-4],
        f"{prefix}VersionInfoOriginalFileName": program,
        f"{prefix}VersionInfoFileDescription": f"{program} of the system",
        f"{prefix}Id": 1_000 + row % 60_000,
        f"{prefix}CommandLine": f'"C:\\Program Files\\{program}" --session {row % 7919} -enc {digest}',
        f"{prefix}CreationTime": f"2026-01-15T{row % 24:02}:00:00.1234567Z",
        f"{prefix}FolderPath": f"C:\\Program Files\\{program}",
        f"{prefix}IntegrityLevel": "Medium",
        f"{prefix}TokenElevation": "TokenElevationTypeDefault",
        f"{prefix}AccountDomain": "example",
        f"{prefix}AccountName": f"user{row % 499}",
        f"{prefix}AccountSid": f"S-1-5-21-2511471446-1103646877-{row % 499}",
        f"{prefix}AccountUpn": f"user{row % 499}@corp.example",
        f"{prefix}AccountObjectId": "",
        f"{prefix}LogonId": 1_000_000 + row,
        f"{prefix}UniqueId": None,
    }


# Of the process itself, Defender names these without a prefix.
PLAIN = ["SHA1", "SHA256", "MD5", "FileName", "FileSize", "FolderPath", "AccountDomain",
         "AccountName", "AccountSid", "AccountUpn", "AccountObjectId", "LogonId"]


def event(row):
    itself = process("Process", row)
    for name in PLAIN:
        itself[name] = itself.pop(f"Process{name}")
    fields = {
        "Timestamp": f"2026-01-15T{row % 24:02}:{row % 60:02}:00.{row % 10_000_000:07}Z",
        "DeviceId": hashlib.sha1(str(row % 89).encode()).hexdigest(),
        "DeviceName": f"ws-{row % 89:04}.corp.example",
        "ActionType": "ProcessCreated",
        **itself,
        **process("InitiatingProcess", row + 1),
        "InitiatingProcessParentId": 4,
        "InitiatingProcessParentFileName": "services.exe",
        "InitiatingProcessParentCreationTime": "2026-01-14T08:00:00.0000000Z",
        "InitiatingProcessSignerType": "",
        "InitiatingProcessSignatureStatus": "",
        "ReportId": row,
        "AppGuardContainerId": "",
        "AdditionalFields": json.dumps({"InitiatingProcess": {"Id": row, "Tags": ["a", "b"]}}),
        "ProcessRemoteSessionDeviceName": "",
        "ProcessRemoteSessionIP": "",
        "IsProcessRemoteSession": False,
        "IsInitiatingProcessRemoteSession": False,
        "InitiatingProcessRemoteSessionDeviceName": "",
        "InitiatingProcessRemoteSessionIP": "",
        "MachineGroup": "",
        "ProcessSessionId": 1,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"


def write(folder, megabytes):
    """A table of lines, and a fifth of it compressed; how many bytes of lines each has."""
    block = "".join(event(row) for row in range(ROWS)).encode()
    blocks = max(1, round(megabytes * 1e6 / len(block)))
    plain, packed = folder / "plain", folder / "gzip"
    plain.mkdir()
    packed.mkdir()
    with open(plain / "DeviceProcessEvents.ndjson", "wb") as file:
        for _ in range(blocks):
            file.write(block)
    few = max(1, blocks // 5)
    with gzip.open(packed / "DeviceProcessEvents.ndjson.gz", "wb", compresslevel=6) as file:
        for _ in range(few):
            file.write(block)
    fields = len(json.loads(event(0)))
    print(f"{blocks * ROWS} rows of {fields} columns, {len(block) // ROWS} bytes each")
    return {plain: blocks * len(block), packed: few * len(block)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--huntd", default="target/release/huntd")
    parser.add_argument("--megabytes", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = write(pathlib.Path(folder), arguments.megabytes)
        print(f"{'MB/s/core':>10} {'MB/s':>8}     load {os.getloadavg()[0]:.1f}")
        for data, size in sizes.items():
            for query in QUERIES:
                before, began = os.times(), time.perf_counter()
                command = [arguments.huntd, "query", query, "--data", str(data)]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                wall, after = time.perf_counter() - began, os.times()
                used = after.children_user + after.children_system
                used -= before.children_user + before.children_system
                print(f"{size / 1e6 / used:10.0f} {size / 1e6 / wall:8.0f}  {data.name:5} {query}")


if __name__ == "__main__":
    main()
