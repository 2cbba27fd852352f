"""Audits captures on Apache Spark and writes the tables of `drone-audit campaign` as Parquet.

    drone-audit emit spark-job > spark_job.py
    spark-submit --files drone-audit spark_job.py --output tables CAPTURES... [-- OPTIONS]

The program is shipped to every executor as it is (a static build runs everywhere). CAPTURES are paths that every
executor can read, or anything Spark itself can open (object stores, HDFS) with --binary. OPTIONS are those of
`drone-audit campaign` for all sessions (--device, --claim, --window, --case, ...). Small captures go to the program
in batches. A session that cannot be audited is a row with its error; a batch whose executor dies is run again by
Spark, and gives the same rows: ids of sessions depend on nothing but what was audited with what.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

# Captures given to the program at a time: a few seconds of work, so that starting it costs little.
BATCH = 200


def program(name):
    """The program on this executor."""
    from pyspark import SparkFiles

    shipped = SparkFiles.get(os.path.basename(name))
    path = shipped if os.path.exists(shipped) else name
    if not os.access(path, os.X_OK):
        os.chmod(path, 0o755)
    return path


def audit(name, options, captures):
    """Runs the program on captures of this machine; yields (table, line of JSON)."""
    with tempfile.TemporaryDirectory() as folder:
        tables = os.path.join(folder, "tables")
        command = [program(name), "campaign", "--quiet", "--no-progress", "--jobs", "1", "--fail-on", "none"]
        command += ["-o", "tables=" + tables, *options, "-"]
        listed = "\n".join(captures)
        done = subprocess.run(command, input=listed.encode(), capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
        with open(os.path.join(tables, "dataset.json")) as file:
            parts = json.load(file)["tables"]
        for table, of in parts.items():
            for part in of["ndjson"]:
                with open(os.path.join(tables, part)) as file:
                    for line in file:
                        yield table, line.rstrip("\n")


def paths(name, options):
    """Audits the paths of a partition."""

    def run(partition):
        batch = []
        for path in partition:
            batch.append(path)
            if len(batch) >= BATCH:
                yield from audit(name, options, batch)
                batch = []
        if batch:
            yield from audit(name, options, batch)

    return run


def binary(name, options):
    """Audits the files of a partition, which Spark has read; a file keeps its name, which is part of its row."""

    def run(partition):
        with tempfile.TemporaryDirectory() as folder:
            batch = []
            for number, (path, content) in enumerate(partition):
                # Two files of one name lie in two folders.
                place = os.path.join(folder, str(number))
                os.mkdir(place)
                file = os.path.join(place, os.path.basename(path))
                with open(file, "wb") as out:
                    out.write(content)
                batch.append(file)
                if len(batch) >= BATCH:
                    yield from audit(name, options, batch)
                    for done in batch:
                        os.remove(done)
                    batch = []
            if batch:
                yield from audit(name, options, batch)

    return run


def schema(table):
    """The columns of a table as Spark types."""
    from pyspark.sql import types as t

    kinds = {
        "text": t.StringType(),
        "list of text": t.ArrayType(t.StringType(), False),
        "int64": t.LongType(),
        "double": t.DoubleType(),
        "boolean": t.BooleanType(),
        "timestamp": t.TimestampType(),
        # Hexadecimal in JSON; becomes bytes below.
        "binary(16)": t.StringType(),
    }
    return t.StructType([t.StructField(c["name"], kinds[c["type"]], True) for c in table["columns"]])


def main():
    line = sys.argv[1:]
    options = []
    if "--" in line:
        at = line.index("--")
        line, options = line[:at], line[at + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captures", nargs="+", help="paths, or patterns with --binary; @FILE holds one path a line")
    parser.add_argument("--output", required=True, help="folder of the tables")
    parser.add_argument("--program", default="drone-audit", help="the program, as it was given to --files")
    parser.add_argument("--binary", action="store_true", help="let Spark open the captures")
    parser.add_argument("--partitions", type=int, default=0, help="pieces of work [default: by the cluster]")
    given = parser.parse_args(line)

    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f
    from pyspark.storagelevel import StorageLevel

    spark = SparkSession.builder.appName("drone-audit campaign").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    context = spark.sparkContext
    pieces = given.partitions or context.defaultParallelism * 4
    if given.binary:
        files = context.binaryFiles(",".join(given.captures), pieces)
        rows = files.repartition(pieces).mapPartitions(binary(given.program, options))
    else:
        captures = []
        for path in given.captures:
            if path.startswith("@"):
                with open(path[1:]) as listed:
                    captures += [entry.strip() for entry in listed if entry.strip()]
            else:
                captures.append(path)
        rows = context.parallelize(captures, max(1, min(pieces, len(captures))))
        rows = rows.mapPartitions(paths(given.program, options))
    # Each table is written from the same audit, which is not run again unless an executor is lost.
    rows = rows.persist(StorageLevel.DISK_ONLY)

    tables = json.loads(subprocess.run([program(given.program), "emit", "tables"], capture_output=True, check=True).stdout)
    there = set(rows.keys().distinct().collect())
    for table in tables["tables"]:
        name = table["name"]
        if name == "flows" and name not in there:
            continue
        lines = rows.filter(lambda row, name=name: row[0] == name).values()
        frame = spark.read.schema(schema(table)).option("mode", "FAILFAST").json(lines)
        for column in table["columns"]:
            if column["type"] == "binary(16)":
                frame = frame.withColumn(column["name"], f.unhex(f.col(column["name"])))
        # A session that two pieces hold (two copies of a capture) is one.
        frame = frame.dropDuplicates()
        frame.sort("session").write.mode("overwrite").parquet(os.path.join(given.output, name))
    spark.stop()


if __name__ == "__main__":
    main()
