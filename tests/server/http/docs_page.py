"""The page at /docs in headless Chromium: what it draws from /openapi.json, and that it asks no other
server. Speaks the browser's debugging protocol on a pipe, so that it needs no port."""

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

TIMEOUT = 60.0
SKIP = 77

# All text of the page, within the components' own trees too.
TEXT = """(() => {
  const walk = node => {
    if (node.nodeType === Node.TEXT_NODE) return node.data + ' ';
    if (['SCRIPT', 'STYLE'].includes(node.tagName)) return '';
    let text = node.value && node.tagName === 'TEXTAREA' ? node.value + ' ' : '';
    for (const child of (node.shadowRoot ?? node).childNodes) text += walk(child);
    return text;
  };
  return walk(document.body);
})()"""


# In the tree of the component that has the part.
TRANSFORM = """getComputedStyle(
  document.querySelector('rapi-doc').shadowRoot.querySelector('[part~="%s"]')).textTransform"""
TRY_RIGHT = """document.querySelector('rapi-doc').shadowRoot.querySelector('api-request').shadowRoot
  .querySelector('[part~="btn-try"]').getBoundingClientRect().right"""


class Browser:
    """One page of a Chromium that this process talks to by messages that end in a NUL byte."""

    def __init__(self, program, folder):
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()

        def pipes():  # the browser reads from 3 and writes to 4
            os.dup2(to_browser, 3)
            os.dup2(from_browser, 4)

        # Through other numbers, so that none of them is closed by taking its place.
        to_browser, from_browser = os.dup2(to_browser, 103), os.dup2(from_browser, 104)
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--no-first-run", "--disable-background-networking", "--window-size=1200,1000",
             "--user-data-dir=" + folder, "about:blank"],
            preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.session = None
        self.asked = []  # URLs
        self.rest = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Network.enable")

    def message(self):
        while b"\0" not in self.rest:
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise SystemExit("the browser ended")
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        os.write(self.commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]

    def text(self, *wanted):
        """The page's text, once all of these are in it, or after a while."""
        last = time.monotonic() + TIMEOUT
        while True:
            text = self.call("Runtime.evaluate", expression=TEXT)["result"].get("value", "")
            if all(part in text for part in wanted) or time.monotonic() > last:
                return text
            time.sleep(0.1)

    def close(self):
        self.process.kill()
        self.process.wait()


def check(what, holds, detail=""):
    print(("ok   " if holds else "FAIL ") + what + ("" if holds else f": {detail}"))
    check.failed += not holds


check.failed = 0


def http_address(process):
    for line in process.stderr:
        found = re.search(r"HTTP on (\S+)", line)
        if found:
            return found[1]
    raise SystemExit("lathed ended without saying that it serves")


def example(origin, model):
    """The first row that /openapi.json gives for it."""
    with urllib.request.urlopen(origin + "/openapi.json", timeout=TIMEOUT) as reply:
        document = json.load(reply)
    body = document["paths"][f"/v2/models/{model}/predict"]["post"]["requestBody"]
    return body["content"]["application/json"]["examples"]["ordinary"]["value"]["rows"][0]


TOKEN = "0123456789abcdef"


def token_file(folder):
    path = os.path.join(folder, "tokens")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(f"predict {TOKEN}\n")
    return path


def start(lathed, repository, folder, *flags):
    return subprocess.Popen(
        [lathed, "--model-repository", repository, "--grpc-address", "unix:" + folder + "/grpc",
         "--http-address", "127.0.0.1:0", *flags],
        stderr=subprocess.PIPE, text=True)


def stop(daemon):
    daemon.terminate()
    daemon.wait()


def with_tokens(browser, origin):
    """The page asks for a token, and shows the models to those who have one."""
    enter = ("document.querySelector('input').value = %r;"
             "document.querySelector('form').requestSubmit()")
    browser.call("Page.navigate", url=origin + "/docs")
    text = browser.text("A token for predictions")
    check("it says what it is", "answers predictions" in text, text[:500])
    check("with tokens the page asks for one", "A token for predictions" in text, text[:500])
    check("and shows no model before", "species" not in text, text[:500])
    browser.call("Runtime.evaluate", expression=enter % "another")
    check("a wrong one is refused", "R031" in browser.text("R031"), text[:500])
    browser.call("Runtime.evaluate", expression=enter % TOKEN)
    wanted = "/v2/models/species/predict"
    text = browser.text(wanted)
    check("a right one shows the models", wanted in text, text[:500])
    schemes = "document.querySelector('rapi-doc').resolvedSpec.securitySchemes[0].finalKeyValue"
    key = browser.call("Runtime.evaluate", expression=schemes)["result"].get("value")
    check("and is what calls are made with", key == "Bearer " + TOKEN, key)


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--lathed", "--make-models"):
        arguments.add_argument(name, required=True)
    arguments.add_argument("--screenshot", help="where to keep a picture of the page")
    options = arguments.parse_args()
    program = shutil.which("chromium")
    if program is None:
        print("not run: there is no chromium")
        return SKIP
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        repository = os.path.join(folder, "models")
        subprocess.run([options.make_models, repository], check=True)
        daemon = start(options.lathed, repository, folder)
        browser = None
        try:
            origin = "http://" + http_address(daemon)
            browser = Browser(program, os.path.join(folder, "profile"))
            browser.call("Page.navigate", url=origin + "/docs")
            wanted = ("/v2/models/species/predict", "/v2/models/linear/infer", "model species",
                      "Predictions for rows", "island", "Biscoe", "/v2/repository/index")
            text = browser.text(*wanted)
            for part in wanted:
                check(f"the page shows {part}", part in text, text[:500])
            row = example(origin, "species")
            for name, cell in row.items():
                shown = f'"{name}": {json.dumps(cell)}'
                check(f"it gives a row to try, with {shown}", shown in text, text[:2000])
            for part in ("label-tag-title", "section-navbar-tag"):
                style = browser.call("Runtime.evaluate", expression=TRANSFORM % part)["result"]
                check(f"{part} leaves names as they are", style.get("value") == "none", style)
            browser.call("Emulation.setDeviceMetricsOverride", width=420, height=900,
                         deviceScaleFactor=1, mobile=False)
            right = browser.call("Runtime.evaluate", expression=TRY_RIGHT)["result"]
            check("a narrow page shows the whole button", 0 < right.get("value", 0) <= 420, right)
            if options.screenshot:
                picture = browser.call("Page.captureScreenshot", format="png")["data"]
                with open(options.screenshot + ".narrow.png", "wb") as file:
                    file.write(base64.b64decode(picture))
            browser.call("Emulation.clearDeviceMetricsOverride")
            elsewhere = [url for url in browser.asked if not url.startswith((origin, "data:"))]
            check("it asks no other server", not elsewhere, elsewhere)
            check("it asks for its description", origin + "/openapi.json" in browser.asked,
                  browser.asked)
            if options.screenshot:
                picture = browser.call("Page.captureScreenshot", format="png")["data"]
                with open(options.screenshot, "wb") as file:
                    file.write(base64.b64decode(picture))
            stop(daemon)
            daemon = start(options.lathed, repository, folder, "--token-file", token_file(folder))
            with_tokens(browser, "http://" + http_address(daemon))
        finally:
            if browser is not None:
                browser.close()
            stop(daemon)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
