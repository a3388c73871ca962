"""Times the hunts of this folder on huntd's engine and, in their own languages, on DuckDB, Polars,
DataFusion and ClickHouse, over the same Parquet files, one process per engine and hunt.

    python -m venv venv && venv/bin/pip install duckdb polars datafusion chdb pyarrow
    venv/bin/python generate.py /some/scratch/hunts
    cargo build --release -p kql-datafusion --example hunts
    venv/bin/python compare.py /some/scratch/hunts --engine target/release/examples/hunts

Prints the median wall time of each in seconds, the rows of the answer, the geometric mean of
huntd's time over each other engine's, and the most memory that each took. An answer that differs
from huntd's in its rows or in the sum of a column is marked with `!`; a dash is a hunt that the
engine's language cannot express without code.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

from peers import CHECKED, ENGINES

HERE = pathlib.Path(__file__).parent


def peer(engine, folder, hunt, options):
    command = [sys.executable, HERE / "peers.py", engine, folder, hunt, options.runs, options.threads]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{engine}, {hunt}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def huntd(folder, hunt, options):
    with tempfile.TemporaryDirectory() as answers:
        command = [options.engine, folder, "--threads", options.threads, "--runs", options.runs, "--out", answers]
        command.append(HERE / f"{hunt}.kql")
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout.splitlines()[-1])
        if "error" in answer:
            sys.exit(f"huntd, {hunt}: {answer['error']}")
        column = CHECKED[hunt]
        rows = (pathlib.Path(answers) / f"{hunt}.ndjson").read_text().splitlines()
        answer["sum"] = sum(json.loads(row)[column] for row in rows) if column else None
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--engine", required=True, help="the built example `hunts`")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    ratios = {engine: [] for engine in ENGINES}
    peaks = dict.fromkeys(["huntd", *ENGINES], 0)
    print("| hunt | rows | huntd |", " | ".join(ENGINES), "|")
    print("| --- | ---: | ---: |", " | ".join("---:" for _ in ENGINES), "|")
    for hunt in sorted(CHECKED):
        own = huntd(options.folder, hunt, options)
        peaks["huntd"] = max(peaks["huntd"], own["peak_rss_mb"])
        cells = []
        for engine in ENGINES:
            other = peer(engine, options.folder, hunt, options)
            if other is None:
                cells.append("–")
                continue
            wall = statistics.median(other["walls"])
            ratios[engine].append(own["wall_s"] / wall)
            peaks[engine] = max(peaks[engine], other["peak_rss_mb"])
            differs = (other["rows"], other["sum"]) != (own["rows"], own["sum"])
            cells.append(f"{wall:.3f}" + (f" ! {other['rows']} rows, {other['sum']}" if differs else ""))
        print(f"| {hunt} | {own['rows']} | {own['wall_s']:.3f} |", " | ".join(cells), "|", flush=True)
    print("| most memory, MB | |", " | ".join(f"{peak:.0f}" for peak in peaks.values()), "|")
    means = [math.exp(statistics.fmean(map(math.log, values))) for values in ratios.values()]
    print("| huntd's time over theirs, geometric mean | | |", " | ".join(f"{mean:.2f}" for mean in means), "|")


if __name__ == "__main__":
    main()
