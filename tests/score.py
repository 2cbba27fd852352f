#!/usr/bin/env python3
"""Asks any tool the questions of the labelled captures in `fixtures/`, as far as they apply to it.

    tests/score.py --command 'drone-audit check -q -o json {args} {files}'
    tests/score.py --tshark
    tests/score.py --ndpi
    tests/score.py --answers FILE

`--command` runs a program in `fixtures/` over the files of each case; it prints JSON, as does each line of `--answers`, with the case in addition:

    {"case": "tls-fast-open", "destinations": [{"ip": "47.91.65.5", "host": "flysafe.dji.com"}], "verdict": "contradicted"}

A destination may have `host`, or `names` (a list of names, or of objects with a `name`), and a `scope`: what is neither "internet" nor "relayed"
is left out. `verdict` may be missing: then nothing is asked of it. A report of this program is such an answer. `--tshark` and `--ndpi` ask those
tools what they know: each address beside whatever name they give for it. They give no verdicts.

Questions (`fixtures/cases.jsonl` has what is right): was each address outside found that has to be; is each name found for its address; is nothing
named that must not be; is the verdict right. Cases with options (a case file, a declared network) are asked only for a verdict, and only of a
`--command` with `{args}` in it. Exit code 0: the tool ran; the score is printed and no pass mark is set."""

import argparse, collections, csv, json, os, pathlib, shlex, subprocess, sys, tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
LONGEST = 120

def cases():
    for line in (HERE / "cases.jsonl").read_text().splitlines():
        yield json.loads(line)

def names_of(destination):
    """Every name that an answer gives for a destination, without case and a dot at the end."""
    names = destination.get("names") or []
    all = [n.get("name", "") if isinstance(n, dict) else n for n in names] + [destination.get("host") or ""]
    return {n.lower().rstrip(".") for n in all if n}

def by_address(answer):
    out = collections.defaultdict(set)
    for destination in answer.get("destinations", []):
        if destination.get("scope", "internet") in ("internet", "relayed") and destination.get("ip"):
            out[destination["ip"]] |= names_of(destination)
    return out

def run(command):
    """Standard output, whatever the exit code: other tools have their own. What says nothing at all is told."""
    try:
        ran = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return b""
    if ran.returncode and not ran.stdout:
        print(f"{command[0]} ended with {ran.returncode}: {ran.stderr.decode(errors='replace').strip()[-200:]}", file=sys.stderr)
    return ran.stdout

def asked_command(template):
    def answer(case):
        files = " ".join(shlex.quote(f) for f in case["files"])
        args = " ".join(shlex.quote(a) for a in case["args"])
        if case["args"] and "{args}" not in template:
            return None
        try:
            found = json.loads(run(["sh", "-c", template.replace("{files}", files).replace("{args}", args)]))
        except ValueError:
            return {}
        if "verdict" not in found and len(found.get("claims", [])) == 1:
            found["verdict"] = found["claims"][0]["verdict"]
        return found
    return answer

def asked_file(path):
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line.strip():
            one = json.loads(line)
            found[one["case"]] = one
    return lambda case: found.get(case["case"], {})

# What Wireshark's dissectors call the name of a server.
NAMES = ["tls.handshake.extensions_server_name", "http.host", "http2.headers.authority", "rtsp.url", "sip.r-uri.host"]

def asked_tshark(case):
    if case["args"]:
        return None
    names = collections.defaultdict(set)
    for file in case["files"]:
        fields = ["ip.src", "ipv6.src", "ip.dst", "ipv6.dst", *NAMES, "dns.qry.name", "dns.a", "dns.aaaa", "dns.flags.response"]
        command = ["tshark", "-n", "-r", file, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
        for field in fields:
            command += ["-e", field]
        for line in run(command).decode(errors="replace").splitlines():
            row = dict(zip(fields, (column.split(";") for column in line.split("\t"))))
            # Behind a tunnel there are several: each is an address of which it knows.
            for field in ("ip.src", "ipv6.src", "ip.dst", "ipv6.dst"):
                for address in filter(None, row.get(field, [])):
                    names[address] |= set()
            for target in filter(None, row.get("ip.dst", []) + row.get("ipv6.dst", [])):
                for field in NAMES:
                    names[target] |= {n.split(":")[0] for n in row.get(field, []) if n}
            for address in filter(None, row.get("dns.a", []) + row.get("dns.aaaa", [])):
                names[address] |= {n for n in row.get("dns.qry.name", []) if n}
    return {"destinations": [{"ip": ip, "names": sorted(all)} for ip, all in names.items()]}

def asked_ndpi(case):
    if case["args"]:
        return None
    names = collections.defaultdict(set)
    for file in case["files"]:
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "flows.csv")
            # CSV is in every build of it; JSON is not.
            run(["ndpiReader", "-q", "-i", file, "-C", out])
            try:
                text = pathlib.Path(out).read_text(errors="replace")
            except OSError:
                continue
        for flow in csv.DictReader(text.lstrip("#").splitlines()):
            for key in ("src_ip", "dst_ip"):
                if flow.get(key):
                    names[flow[key]] |= {flow["server_name_sni"]} if flow.get("server_name_sni") and key == "dst_ip" else set()
    return {"destinations": [{"ip": ip, "names": sorted(all)} for ip, all in names.items()]}

def main():
    options = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    which = options.add_mutually_exclusive_group(required=True)
    which.add_argument("--command")
    which.add_argument("--answers")
    which.add_argument("--tshark", action="store_true")
    which.add_argument("--ndpi", action="store_true")
    options.add_argument("-v", "--verbose", action="store_true", help="print what is wrong")
    options = options.parse_args()
    if options.command:
        ask = asked_command(options.command)
    elif options.answers:
        ask = asked_file(options.answers)
    else:
        ask = asked_tshark if options.tshark else asked_ndpi
    score, silent = collections.defaultdict(lambda: [0, 0]), 0
    def count(question, right, case, what):
        score[question][0] += right
        score[question][1] += 1
        if options.verbose and not right:
            print(f"{case['case']}: {question}: {what}")
    for case in cases():
        answer = ask(case)
        if answer is None:
            continue
        silent += not answer
        found, expect = by_address(answer), case["expect"]
        if not case["args"]:
            for want in expect.get("destinations", []):
                if want.get("scope") not in ("internet", "relayed") or not want.get("ip"):
                    continue
                count("address", want["ip"] in found, case, want["ip"])
                if want.get("host"):
                    known = found.get(want["ip"], set())
                    count("name of the address", want["host"].lower() in known, case, f"{want['ip']} {want['host']}: {sorted(known)}")
            for ban in expect.get("no_destination", []):
                if ban.get("host"):
                    named = any(ban["host"].lower() in all for all in found.values())
                    count("not named", not named, case, ban["host"])
        if "verdict" in answer and isinstance(expect.get("verdict"), str):
            count("verdict", answer["verdict"] == expect["verdict"], case, f"{answer['verdict']}, not {expect['verdict']}")
    for question, (right, asked) in score.items():
        print(f"{question:22} {right:4} of {asked:4}  {100 * right / asked:5.1f} %")
    if silent:
        print(f"no answer to {silent} cases")
    return 0

sys.exit(main())
