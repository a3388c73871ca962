"""How long `huntd query` takes from the start of its process to its end, over a small folder.

usage: cargo build --release && python3 benches/cold_start.py [--huntd FILE] [--data DIR] [--runs N]

Without --data it writes the telemetry of `huntd sample` into a temporary folder: a few files of
NDJSON, about as wide as what Defender exports. Every query runs N times (20); the least time is
what the program needs, the median also tells what else the machine did. Milliseconds.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

QUERIES = [
    ["--version"],
    ["query", "print 1"],
    ["query", "DeviceProcessEvents | count"],
    ["query", "DeviceProcessEvents | where FileName =~ 'cmd.exe' | summarize count() by DeviceName"],
    ["query", "DeviceProcessEvents | join kind=inner DeviceNetworkEvents on DeviceId | count"],
]


def measure(command, runs):
    """Wall-clock time of each run, and processor time of an average one."""
    before = os.times()
    walls = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        walls.append(1000 * (time.perf_counter() - began))
    after = os.times()
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return walls, 1000 * used / runs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--huntd", default="target/release/huntd")
    parser.add_argument("--data", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        if data is None:
            data = pathlib.Path(folder) / "telemetry"
            subprocess.run([arguments.huntd, "sample", data], check=True, stdout=subprocess.DEVNULL)
        megabytes = sum(file.stat().st_size for file in data.rglob("*") if file.is_file()) / 1e6
        print(f"{megabytes:.1f} MB of telemetry, load {os.getloadavg()[0]:.1f}")
        print(f"{'least':>8} {'median':>8} {'most':>8} {'cpu':>8}")
        for arguments_of_huntd in QUERIES:
            command = [arguments.huntd, *arguments_of_huntd]
            if "query" in command:
                command += ["--data", str(data)]
            walls, used = measure(command, arguments.runs)
            median = statistics.median(walls)
            figures = f"{min(walls):8.1f} {median:8.1f} {max(walls):8.1f} {used:8.1f}"
            print(f"{figures}  {arguments_of_huntd[-1]}")


if __name__ == "__main__":
    main()
