#!/usr/bin/env python3
"""Runs a campaign on Spark and compares its tables with those of one machine: spark.py PROGRAM FOLDER [--kill]

FOLDER is what sessions.py and a campaign left: FOLDER/sessions/captures and the dataset FOLDER/whole, which is not
compared, as its sessions have labels; both sides are made anew from the captures alone. Spark runs as a local
cluster of two workers, each a process of its own. With --kill one worker is killed while they are at work.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

OPTIONS = ["--claim", "all", "--device", "all"]


def rows(folder, table):
    with open(os.path.join(folder, "dataset.json")) as file:
        parts = json.load(file)["tables"][table]["ndjson"]
    for part in parts:
        with open(os.path.join(folder, part)) as file:
            yield from map(json.loads, file)


def micros(text):
    """A time as microseconds since 1970."""
    import calendar

    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000 + int((fraction + "000000")[:6])


def plain(row, kinds):
    """A row of NDJSON as Parquet has it."""
    out = []
    for name, kind in kinds:
        cell = row[name]
        if cell is not None and kind == "timestamp":
            cell = micros(cell)
        elif cell is not None and kind == "binary(16)":
            cell = cell.lower()
        elif isinstance(cell, list):
            cell = tuple(cell)
        out.append(cell)
    return tuple(out)


def kill_a_worker(after):
    """Kills the first worker of the local cluster once it is there and had some time."""
    begun = time.time()
    while time.time() - begun < 120:
        found = subprocess.run(["pgrep", "-f", "CoarseGrainedExecutorBackend"], capture_output=True, text=True)
        workers = found.stdout.split()
        if workers:
            time.sleep(after)
            os.kill(int(workers[0]), signal.SIGKILL)
            print("killed an executor")
            return
        time.sleep(0.2)


def main():
    program, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    kill = "--kill" in sys.argv
    captures = os.path.join(folder, "sessions/captures")
    single, spread = os.path.join(folder, "single"), os.path.join(folder, "spark")
    for place in (single, spread):
        shutil.rmtree(place, ignore_errors=True)
    subprocess.run(
        [program, "campaign", "--quiet", "--fail-on", "none", "-o", "tables=" + single, *OPTIONS, captures], check=True
    )
    listed = os.path.join(folder, "list.txt")
    with open(listed, "w") as file:
        for name in sorted(os.listdir(captures)):
            file.write(os.path.join(captures, name) + "\n")
    job = os.path.join(folder, "spark_job.py")
    with open(job, "wb") as file:
        file.write(subprocess.run([program, "emit", "spark-job"], capture_output=True, check=True).stdout)

    import pyspark

    home = os.path.dirname(pyspark.__file__)
    environment = dict(os.environ, SPARK_HOME=home, PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    command = [os.path.join(home, "bin/spark-submit"), "--master", "local-cluster[2,1,1024]"]
    command += ["--conf", "spark.ui.enabled=false", "--conf", "spark.sql.shuffle.partitions=4"]
    command += ["--files", program, job, "--program", program, "--output", spread, "@" + listed, "--", *OPTIONS]
    if kill:
        threading.Thread(target=kill_a_worker, args=(3,), daemon=True).start()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    if done.returncode != 0:
        sys.exit(done.stderr[-4000:])

    schema = json.loads(subprocess.run([program, "emit", "tables"], capture_output=True, check=True).stdout)
    os.environ.update(SPARK_HOME=home, SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    for table in schema["tables"]:
        name = table["name"]
        if name == "flows":
            continue
        kinds = [(c["name"], c["type"]) for c in table["columns"]]
        frame = spark.read.parquet(os.path.join(spread, name))
        for column, kind in kinds:
            if kind == "timestamp":
                frame = frame.withColumn(column, f.unix_micros(f.col(column)))
            elif kind == "binary(16)":
                frame = frame.withColumn(column, f.lower(f.hex(f.col(column))))
        have = sorted(repr(plain_spark(row, kinds)) for row in frame.collect())
        want = sorted(repr(plain(row, kinds)) for row in rows(single, name))
        if have != want:
            odd = next((pair for pair in zip(have, want) if pair[0] != pair[1]), (len(have), len(want)))
            sys.exit("%s differs: %s" % (name, odd))
        print("%-14s %7d rows are equal" % (name, len(have)))


def plain_spark(row, kinds):
    out = []
    for name, _ in kinds:
        cell = row[name]
        out.append(tuple(cell) if isinstance(cell, list) else cell)
    return tuple(out)


main()
