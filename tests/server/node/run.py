"""Starts lathed on two models, and runs client.js of this folder on it, and then validate.mjs on what
/openapi.json says."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

SKIP = 77
HERE = os.path.dirname(os.path.abspath(__file__))


def address(daemon, words):
    for line in daemon.stderr:
        found = re.search(words + r" (\S+)", line)
        if found:
            return found[1]
    raise SystemExit("lathed ended without saying that it serves")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("--lathed", "--make-models", "--proto"):
        arguments.add_argument(name, required=True)
    options = arguments.parse_args()
    if shutil.which("node") is None or not os.path.isdir(HERE + "/node_modules/@grpc/grpc-js"):
        print("not run: there is no node, or `npm ci` was not run in tests/server/node")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        repository = os.path.join(folder, "models")
        subprocess.run([options.make_models, repository], check=True)
        daemon = subprocess.Popen(
            [options.lathed, "--model-repository", repository, "--grpc-address", "127.0.0.1:0",
             "--http-address", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
        try:
            grpc, http = address(daemon, "serving 2 models on"), address(daemon, "HTTP on")
            asked = subprocess.run(["node", HERE + "/client.js", grpc, options.proto])
            with urllib.request.urlopen(f"http://{http}/openapi.json", timeout=60) as reply:
                document = reply.read()
            valid = subprocess.run(["node", HERE + "/validate.mjs"], input=document)
            return asked.returncode or valid.returncode
        finally:
            daemon.terminate()
            daemon.wait()


if __name__ == "__main__":
    sys.exit(main())
