#!/usr/bin/env python3
"""Opens HTML reports in a headless Chromium, on a phone's and a desktop's width, light and dark.

    tests/browser/check.py [--pictures FOLDER] PAGE.html...

Checks of every page: nothing is requested but the page itself, the console stays empty, nothing is
wider than the window, no script and no event handler exists, no text of the page holds characters
that a reader cannot see, links lead somewhere, text has a contrast of 4.5:1, and it prints. A page
whose name begins with "hostile" must show the names planted in it as text.

Needs Python 3.8 and a Chromium (chromium, chromium-browser, google-chrome, google-chrome-stable, or
playwright's). Without one it prints a line that begins with SKIPPED and exits 0, unless
BROWSER_REQUIRED is set. Exit code 1: a check failed.
"""

import base64
import glob
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

# The narrowest phone, a common one, a desktop.
VIEWS = ((360, "light"), (390, "light"), (390, "dark"), (1280, "light"), (1280, "dark"))
# Pages above this many bytes are long lists of the same: fewer views, folds left shut.
LARGE = 2_000_000
# Seconds for one answer of the browser; a page with 10,000 destinations takes a few.
ANSWER_SECONDS = 60
# Planted in the pages whose name begins with "hostile"; see src/tell/report/html/tests.rs.
PLANTED = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\" onmouseover=\"alert(1)")

# Evaluated in the page: what only a browser knows.
PROBE = r"""
(() => {
  const wide = [];
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room) {
    for (const e of document.querySelectorAll('body *')) {
      const box = e.getBoundingClientRect();
      if (box.width && box.right > room + 1 && !e.closest('svg')) wide.push(e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 60));
    }
    if (!wide.length) wide.push('something');
  }
  const unseen = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let hidden = 0;
  while (walker.nextNode()) if (unseen.test(walker.currentNode.data)) hidden++;
  const all = [...document.querySelectorAll('*')];
  const handlers = all.filter(e => [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'style'));
  const loads = all.filter(e => ['src', 'srcset', 'poster', 'data', 'action'].some(a => e.hasAttribute(a)));
  const dead = [...document.querySelectorAll('a')].filter(a => {
    const to = a.getAttribute('href') || '';
    return !to.startsWith('#') || !document.getElementById(to.slice(1));
  });
  const value = text => {
    const m = text.match(/rgba?\(([^)]+)\)/);
    if (!m) return null;
    const p = m[1].split(/[ ,\/]+/).map(Number);
    return p.length > 3 && p[3] === 0 ? null : p.slice(0, 3);
  };
  const light = c => { const f = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2]; };
  const faint = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let looked = 0;
  while (texts.nextNode() && looked < 4000) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !e.checkVisibility()) continue;
    looked++;
    const svg = e.closest('svg');
    const ink = value(svg ? getComputedStyle(e).fill : getComputedStyle(e).color);
    let ground = null;
    for (let up = svg || e; up && !ground; up = up.parentElement) ground = value(getComputedStyle(up).backgroundColor);
    if (!ink || !ground) continue;
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.add(ratio.toFixed(2) + ' ' + e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + texts.currentNode.data.slice(0, 40));
  }
  return {
    wide: wide.slice(0, 5), hidden, scripts: document.scripts.length, images: document.images.length,
    handlers: handlers.length, loads: loads.length, dead: dead.map(a => a.outerHTML).slice(0, 5),
    faint: [...faint].slice(0, 8), styled: getComputedStyle(document.body).maxWidth,
    text: document.body.textContent, verdict: (document.querySelector('.verdict h2') || {}).textContent,
  };
})()
"""


def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    folders = [os.environ.get("PLAYWRIGHT_BROWSERS_PATH"), os.path.expanduser("~/.cache/ms-playwright")]
    for folder in filter(None, folders):
        for pattern in ("chromium-*/chrome-linux*/chrome", "chromium_headless_shell-*/*/*headless*shell"):
            found = sorted(glob.glob(os.path.join(folder, pattern)))
            if found:
                return found[-1]
    return None


class Chromium:
    """The DevTools protocol over a pair of pipes: messages of JSON, each ended by a zero byte."""

    def __init__(self, program, profile):
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()

        def pipes():
            # The numbers that the protocol wants; first out of the way of each other.
            read, write = os.dup(to_browser), os.dup(from_browser)
            os.dup2(read, 3)
            os.dup2(write, 4)

        arguments = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank",
        ]
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=pipes)
        os.close(to_browser)
        os.close(from_browser)
        self.write, self.read = from_us, to_us
        self.rest, self.count, self.events = b"", 0, []

    def message(self, until):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.read], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            more = os.read(self.read, 1 << 20)
            if not more:
                raise EOFError("the browser has gone")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, session=None, **parameters):
        self.count += 1
        order = {"id": self.count, "method": method, "params": parameters}
        if session:
            order["sessionId"] = session
        os.write(self.write, json.dumps(order).encode() + b"\0")
        until = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self.message(until)
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        until = time.monotonic() + ANSWER_SECONDS
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message(until))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def complaints(events, page):
    """What the browser said while the page was loaded and looked at."""
    found = []
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and parameters["request"]["url"] != page:
            found.append(f"requests {parameters['request']['url'][:200]}")
        elif method == "Log.entryAdded":
            found.append(f"console: {parameters['entry']['text'][:300]}")
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            found.append(f"script: {method}")
    return found


def probe(seen, name):
    found = []
    if seen["wide"]:
        found.append(f"wider than the window: {seen['wide']}")
    for what in ("hidden", "scripts", "images", "handlers", "loads"):
        if seen[what]:
            found.append(f"{what}: {seen[what]}")
    if seen["dead"]:
        found.append(f"links that lead nowhere: {seen['dead']}")
    if seen["faint"]:
        found.append(f"contrast below 4.5: {seen['faint']}")
    if seen["styled"] == "none":
        found.append("the style does not apply: its hash is not the policy's")
    if not (seen["verdict"] or "").startswith("Verdict: "):
        found.append("no verdict at the top")
    if name.startswith("hostile"):
        found.extend(f"not shown as text: {planted}" for planted in PLANTED if planted not in seen["text"])
    return found


def check(chromium, path, pictures):
    page = path.resolve().as_uri()
    target = chromium.ask("Target.createTarget", url="about:blank")["targetId"]
    session = chromium.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    ask = lambda method, **parameters: chromium.ask(method, session, **parameters)
    for domain in ("Page", "Network", "Log", "Runtime"):
        ask(f"{domain}.enable")
    found = []
    large = path.stat().st_size > LARGE
    for width, scheme in VIEWS[2:4] if large else VIEWS:
        chromium.events.clear()
        ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        began = time.monotonic()
        ask("Page.navigate", url=page)
        chromium.wait("Page.loadEventFired")
        loaded = time.monotonic() - began
        evaluate = lambda code: ask("Runtime.evaluate", expression=code, returnByValue=True)["result"].get("value")
        seen = evaluate(PROBE)
        if pictures:
            height = min(evaluate("document.documentElement.scrollHeight"), 14000)
            ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
            shot = ask("Page.captureScreenshot", format="png")["data"]
            (pictures / f"{path.stem}-{width}-{scheme}.png").write_bytes(base64.b64decode(shot))
        # With every fold open nothing may be wider either.
        if not large:
            evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            seen["wide"] += evaluate(PROBE)["wide"]
        problems = complaints(chromium.events, page) + probe(seen, path.name)
        found += [f"{path.name} at {width} px, {scheme}: {problem}" for problem in problems]
    paper = ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True, transferMode="ReturnAsBase64")["data"]
    if pictures:
        (pictures / f"{path.stem}.pdf").write_bytes(base64.b64decode(paper))
    chromium.ask("Target.closeTarget", targetId=target)
    print(f"{path.name}: {len(found)} problems, {path.stat().st_size} bytes, last load {loaded:.2f} s")
    return found


def skip(reason):
    print(f"SKIPPED: HTML reports in a browser: {reason}")
    sys.exit(1 if os.environ.get("BROWSER_REQUIRED") else 0)


def main():
    arguments = sys.argv[1:]
    pictures = None
    if arguments[:1] == ["--pictures"]:
        pictures = pathlib.Path(arguments[1])
        pictures.mkdir(parents=True, exist_ok=True)
        arguments = arguments[2:]
    pages = [pathlib.Path(argument) for argument in arguments]
    if not pages:
        sys.exit(__doc__)
    program = browser()
    if not program:
        skip("no Chromium found (chromium, chromium-browser, google-chrome, playwright's)")
    found = []
    profile = tempfile.mkdtemp()
    chromium = Chromium(program, profile)
    try:
        try:
            version = chromium.ask("Browser.getVersion")["product"]
        except (OSError, EOFError, TimeoutError) as error:
            skip(f"{program} does not start: {error}")
        print(f"browser: {program}, {version}", flush=True)
        for page in pages:
            found += check(chromium, page, pictures)
    finally:
        chromium.close()
        # The browser may still be writing to it.
        shutil.rmtree(profile, ignore_errors=True)
    for problem in found:
        print(f"FAILED: {problem}")
    print(f"{len(pages)} pages, {len(found)} problems")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
