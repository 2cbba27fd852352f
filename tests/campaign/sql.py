#!/usr/bin/env python3
"""Asks the questions of fixtures/examples/campaign/*.sql of datasets: sql.py DATASET [DATASET...]

Each runs with the DuckDB of Python's package, over the dataset's own duckdb.sql. All datasets have to give the same
answers, and each answer is compared with one that is computed here without SQL.
"""

import collections
import glob
import json
import os
import sys

import duckdb

QUESTIONS = os.path.join(os.path.dirname(__file__), "../../fixtures/examples/campaign")


def connect(folder):
    before = os.getcwd()
    database = duckdb.connect()
    os.chdir(folder)
    with open("duckdb.sql") as script:
        database.execute(script.read())
    return database, before


def answers(folder):
    out = {}
    before = os.getcwd()
    for path in sorted(glob.glob(os.path.join(os.path.abspath(QUESTIONS), "*.sql"))):
        with open(path) as file:
            question = file.read()
        database, _ = connect(folder)
        out[os.path.basename(path)] = [tuple(map(str, row)) for row in database.execute(question).fetchall()]
        os.chdir(before)
    return out


def rows(folder, table):
    with open(os.path.join(folder, "dataset.json")) as file:
        parts = json.load(file)["tables"].get(table, {"ndjson": []})["ndjson"]
    for part in parts:
        if part.endswith(".zst"):
            raise SystemExit("sql.py reads plain NDJSON: write the dataset without --zstd")
        with open(os.path.join(folder, part)) as file:
            yield from map(json.loads, file)


def key(*values):
    return tuple(str(value) for value in values)


def expected(folder):
    """The same answers without SQL, where that is a short way."""
    sessions = {row["session"]: row for row in rows(folder, "sessions")}
    destinations = list(rows(folder, "destinations"))
    out = {}
    count = collections.Counter()
    for claim in rows(folder, "claims"):
        s = sessions[claim["session"]]
        count[key(s["app"], s["version"], s["mode"], claim["claim"], claim["verdict"])] += 1
    out["1-verdicts-by-version.sql"] = {(*k, str(n)) for k, n in count.items()}

    began, seen = {}, collections.defaultdict(set)
    for s in sessions.values():
        if s["version"] is not None and s["first"] is not None:
            at = (s["app"], s["version"])
            began[at] = min(began.get(at, s["first"]), s["first"])
    for d in destinations:
        s = sessions[d["session"]]
        seen[(s["app"], s["version"])].add(d["host"] if d["host"] is not None else d["ip"])
    new = set()
    for (app, version), hosts in seen.items():
        earlier = [v for (a, v), at in began.items() if a == app and at < began[(app, version)]]
        known = set().union(*(seen[(app, v)] for v in earlier)) if earlier else None
        if known is not None:
            new |= {key(app, version, host) for host in hosts if host is not None and host not in known}
    out["2-new-hosts-by-version.sql"] = new

    gaps = collections.Counter()
    for g in rows(folder, "gaps"):
        if g["blocking"] and g["covered_by"] is None:
            s = sessions[g["session"]]
            gaps[key(s["app"], s["version"], ", ".join(s["captures"]), g["gap"])] += g["count"]
    out["4-unfit-to-acquit.sql"] = {(*k, str(n)) for k, n in gaps.items()}
    out["8-not-audited.sql"] = {
        key(s["error"], s["error_text"], ", ".join(s["captures"]), s["bytes"])
        for s in sessions.values()
        if s["error"] is not None
    }
    return out


def main():
    folders = sys.argv[1:]
    first = answers(folders[0])
    for name, answer in first.items():
        print("%-40s %6d rows" % (name, len(answer)))
    for other in folders[1:]:
        for name, answer in answers(other).items():
            if sorted(answer) != sorted(first[name]):
                sys.exit("%s and %s differ on %s" % (folders[0], other, name))
    for name, want in expected(folders[0]).items():
        width = len(next(iter(want))) if want else 0
        have = {row[:width] for row in first[name]}
        if have != want:
            odd = sorted(have ^ want)[:3]
            sys.exit("%s: the answer differs from a count without SQL: %s" % (name, odd))
    print("answers agree" + (" over %d datasets" % len(folders) if len(folders) > 1 else ""))


main()
