"""Whether deploy/ fits lathed and the tools that read it, as far as that shows without a cluster: units,
YAML, every list of flags, and the libraries of the image.

Exit status 77 (not run) where PyYAML is not installed.
"""
import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError as error:
    print(f"not run: {error}")
    sys.exit(77)


def check(what, holds, details=""):
    print(("ok   " if holds else "FAIL ") + what + (f": {details}" if not holds else ""))
    check.failed += not holds


check.failed = 0


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_flags(lathed, what, flags):
    """With models that are there."""
    with tempfile.TemporaryDirectory(prefix="models") as models:
        flags = list(flags)
        for i, flag in enumerate(flags):
            if flag.startswith("--model-repository"):
                del flags[i:i + (1 if "=" in flag else 2)]
                break
        result = run(lathed, *flags, "--check-config", "--model-repository", models)
    check(f"{what}: its flags are lathed's", result.returncode == 0, result.stderr)
    return result.stdout.replace(models, "/srv/lathe/models")


def check_config(lathed, deploy, folder):
    printed = check_flags(lathed, "lathed.toml", ["--config", deploy + "/lathed.toml"])
    check("--check-config prints what the file sets",
          'grpc-address = "unix:/run/lathed/a.sock"' in printed and
          '[models."penguins"]\nversion-policy = "latest(2)"' in printed, printed)
    again = os.path.join(folder, "printed.toml")
    with open(again, "w", encoding="utf-8") as file:
        file.write(printed)
    check("and reads back what it prints",
          check_flags(lathed, "what is printed", ["--config", again]) == printed)
    wrong = os.path.join(folder, "wrong.toml")
    with open(wrong, "w", encoding="utf-8") as file:
        file.write(read(deploy + "/lathed.toml").replace("grace-seconds", "grace-second"))
    result = run(lathed, "--config", wrong, "--check-config")
    check("it says the file and the line", wrong + ", line " in result.stderr, result.stderr)
    check("a wrong key ends with 2 and the nearest right one",
          result.returncode == 2 and "did you mean grace-seconds?" in result.stderr,
          f"{result.returncode} {result.stderr}")
    for flag in ("--model-repository", "--token-file", "--tls-cert"):
        flags = {"--model-repository": folder, "--tls-key": wrong, flag: folder + "/none"}
        if flag != "--tls-cert":
            del flags["--tls-key"]
        result = run(lathed, *(word for pair in flags.items() for word in pair), "--check-config")
        check(f"a missing file of {flag} ends with 5",
              result.returncode == 5 and folder + "/none" in result.stderr,
              f"{result.returncode} {result.stderr}")


def addresses(printed):
    return set(re.findall(r'^(?:grpc|http)-address = "(.*)"$', printed, re.M)) - {"none"}


def check_second_replica(lathed, deploy, folder):
    """By the words of README.md: two instances can listen at the same time."""
    words = re.search(r"sed '(.*)' deploy/lathed.toml > /etc/lathed/b.toml",
                      read(deploy + "/README.md"))[1]
    second = os.path.join(folder, "b.toml")
    with open(second, "w", encoding="utf-8") as file:
        file.write(run("sed", words, deploy + "/lathed.toml").stdout)
    first = addresses(check_flags(lathed, "lathed.toml", ["--config", deploy + "/lathed.toml"]))
    other = addresses(check_flags(lathed, "b.toml", ["--config", second]))
    check("the second replica has addresses of its own", first and other and not first & other,
          f"{first} {other}")
    balanced = set(re.findall(r"server (unix:\S+) ", read(deploy + "/nginx/lathe.conf")))
    check("nginx knows both", balanced <= first | other, balanced)


def check_units(lathed, deploy, folder):
    """Of a copy that names the program where it is."""
    if shutil.which("systemd-analyze") is None:
        return print("not run: there is no systemd-analyze")
    unit = os.path.join(folder, "lathed@a.service")
    text = read(deploy + "/systemd/lathed@.service")
    check("the unit checks its configuration", "--check-config" in text)
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/local/bin/lathed", lathed))
    result = run("systemd-analyze", "verify", "--man=no", unit)
    said = [line for line in result.stderr.splitlines() if "lathed@a" in line]
    check("systemd-analyze verify has nothing to say", result.returncode == 0 and not said,
          result.stderr)
    result = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    level = re.search(r"Overall exposure level for .*: ([0-9.]+)", result.stdout)
    print("     systemd-analyze security: exposure " + (level[1] if level else "unknown"))
    check("systemd-analyze security: at most 2.0 of 10", result.returncode == 0, result.stdout[-300:])


def is_json(line):
    try:
        return {"time", "level", "message"} <= set(json.loads(line))
    except ValueError:
        return False


def check_log(lathed, folder):
    """Also of what gRPC says itself, and of an end before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run(lathed, "--model-repository", folder, "--grpc-address", address,
                     "--log-format", "json")
    lines = result.stderr.splitlines()
    check("a taken address ends with 5", result.returncode == 5, result.stderr)
    check("the log is JSON to the end",
          lines and all(map(is_json, lines)) and json.loads(lines[-1])["code"] == "R025",
          result.stderr)
    process = subprocess.Popen([lathed, "--model-repository", folder, "--grpc-address",
                                f"unix:{folder}/lathed.sock", "--log-format", "json"],
                               stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "serving" in line:
            process.terminate()
    check("the log of a whole life is JSON", len(lines) >= 3 and all(map(is_json, lines)), lines)
    check("SIGTERM ends it with 0", process.wait() == 0)


def containers(document):
    """Each container of a document, wherever it is."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "containers":
                yield from value
            else:
                yield from containers(value)
    elif isinstance(document, list):
        for item in document:
            yield from containers(item)


def check_container(lathed, what, container):
    check_flags(lathed, what, container["args"])
    ports = {port["containerPort"] for port in container["ports"]}
    address = next(arg for arg in container["args"] if arg.startswith("--grpc-address="))
    check(f"{what}: it listens where it says", int(address.rsplit(":", 1)[1]) in ports)
    probes = {name: probe for name, probe in container.items() if name.endswith("Probe")}
    check(f"{what}: it is probed", {"readinessProbe", "livenessProbe"} <= set(probes))
    for name, probe in probes.items():
        action = probe.get("grpc") or probe.get("tcpSocket") or probe.get("httpGet")
        check(f"{what}: its {name} asks a port of the container", action["port"] in ports)


def check_manifests(lathed, deploy):
    for name, kinds in (
            ("lathed.yaml", ["Deployment", "Service", "PodDisruptionBudget"]),
            ("kserve.yaml", ["ServingRuntime", "InferenceService"])):
        documents = list(yaml.safe_load_all(read(f"{deploy}/kubernetes/{name}")))
        check(f"{name} has {', '.join(kinds)}", [d["kind"] for d in documents] == kinds)
        for container in (c for d in documents for c in containers(d)):
            check_container(lathed, name, container)
        for document in documents:
            if document["kind"] == "Deployment":
                pod = document["spec"]["template"]["spec"]
                seconds = sum(int(arg.split("=")[1]) for arg in pod["containers"][0]["args"]
                              if arg.startswith(("--grace-seconds=", "--drain-seconds=")))
                check(f"{name}: the pod may end in order",
                      pod["terminationGracePeriodSeconds"] > seconds)
                check(f"{name}: the service finds the pods",
                      documents[1]["spec"]["selector"].items() <=
                      document["spec"]["template"]["metadata"]["labels"].items())


def needed(file):
    return set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", file).stdout))


def package_of(file):
    """Of Debian; some have kept the names from before /lib became /usr/lib."""
    for path in (file, file.removeprefix("/usr")):
        found = run("dpkg", "-S", path)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    return "nothing that has " + file


def check_image(lathed, deploy):
    text = read(deploy + "/docker/Dockerfile")
    command = json.loads(re.search(r"^CMD (.*)$", text, re.M)[1])
    check_flags(lathed, "Dockerfile", command)
    if shutil.which("readelf") is None or shutil.which("dpkg") is None:
        return print("not run: the image's libraries are looked up by readelf and dpkg")
    loaded = dict(re.findall(r"(\S+) => (\S+)", run("ldd", lathed).stdout))
    ours = [path for name, path in loaded.items() if name.startswith("liblathe_")]
    check("lathed has libraries of ours", len(ours) > 0)
    direct = set().union(*(needed(file) for file in [lathed, *ours]))
    packages = set()
    for name in sorted(direct):
        if name.startswith(("liblathe_", "ld-linux", "libasan", "libubsan", "libtsan")):
            continue
        packages.add(package_of(os.path.realpath(loaded[name])))
    installed = set(re.findall(r"\blib\S+|\bzlib1g\b", text.split("FROM debian:12-slim")[1]))
    missing = packages - installed - {"libc6", "libgcc-s1"}
    check("the image has the libraries that lathed needs", not missing, sorted(missing))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--lathed", required=True)
    arguments.add_argument("--deploy", required=True)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        check_config(options.lathed, options.deploy, folder)
        check_second_replica(options.lathed, options.deploy, folder)
        check_log(options.lathed, folder)
        check_units(options.lathed, options.deploy, folder)
    check_manifests(options.lathed, options.deploy)
    check_image(options.lathed, options.deploy)
    print("all good" if check.failed == 0 else f"{check.failed} failed")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
