#!/usr/bin/env python3
"""Makes the captures and the manifest of a campaign: sessions.py OUT COUNT SOURCE...

Sessions are copies of the captures below SOURCE under names of their own, with an app, a version and a mode; one in
twenty is broken (cut short, emptied, or overwritten). The same seed gives the same sessions.
"""

import csv
import os
import random
import shutil
import sys

SEED = 20261129
BROKEN = 0.05
ENDINGS = (".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.zst")
APPS = ["dji.go.v5", "dji.pilot", "com.autelrobotics.explorer"]


def sources(folders):
    found = []
    for folder in folders:
        for place, _, names in os.walk(folder):
            found += [os.path.join(place, name) for name in names if name.endswith(ENDINGS)]
    # Larger ones would make the campaign one of a few captures.
    return sorted(path for path in found if 0 < os.path.getsize(path) <= 1 << 20)


def main():
    out, count, folders = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    chance = random.Random(SEED)
    captures = sources(folders)
    if not captures:
        sys.exit("no captures below " + ", ".join(folders))
    os.makedirs(os.path.join(out, "captures"), exist_ok=True)
    with open(os.path.join(out, "manifest.csv"), "w", newline="") as file:
        manifest = csv.writer(file, lineterminator="\n")
        manifest.writerow(["path", "app", "version", "mode"])
        for number in range(count):
            source = chance.choice(captures)
            name = "captures/%05d-%s" % (number, os.path.basename(source))
            path = os.path.join(out, name)
            if chance.random() < BROKEN:
                with open(source, "rb") as whole:
                    content = whole.read()
                kind = chance.randrange(3)
                content = [content[:20], b"", bytes(chance.randrange(256) for _ in range(64))][kind]
                with open(path, "wb") as broken:
                    broken.write(content)
            else:
                shutil.copyfile(source, path)
            app = chance.choice(APPS)
            version = "1.%d" % chance.randrange(8, 12)
            manifest.writerow([name, app, version, chance.choice(["on", "off"])])


main()
