"""What `ferlab serve` stands: ``python -m benchmarks.serving RUN [--clients 20] [--seconds 60]``.

Each client posts a photo of 640x480 pixels as JPEG, waits for the answer, and posts it again. What is
refused, or has no face, counts as lost. Memory is the resident set of the server's process.
"""

import argparse
import http.client
import io
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import psutil
from matplotlib import cbook
from PIL import Image


class Outcome(NamedTuple):
    """One request."""

    seconds: float
    lost: str


def photo() -> bytes:
    """A portrait in the public domain, beside which there is room."""
    frame = Image.new("RGB", (640, 480), "slategrey")
    path = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    frame.paste(Image.open(path).convert("RGB").resize((410, 480)), (115, 0))
    data = io.BytesIO()
    frame.save(data, "JPEG")
    return data.getvalue()


def ask(connection: http.client.HTTPConnection, image: bytes, query: str) -> Outcome:
    started = time.perf_counter()
    try:
        connection.request("POST", f"/predict?{query}", image, {"Content-Type": "image/jpeg"})
        reply = connection.getresponse()
        body = reply.read()
        lost = "" if reply.status == 200 and json.loads(body)["faces"] else f"{reply.status}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        lost = type(error).__name__
    return Outcome(time.perf_counter() - started, lost)


def load(port: int, query: str, clients: int, seconds: float) -> list[Outcome]:
    """What all clients were answered."""
    image, outcomes = photo(), []
    until = time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < until:
            outcomes.append(ask(connection, image, query))
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--query", default="", help="options, as explain=true")
    args = parser.parse_args()

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ferlab", "serve", args.run, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            print("".join(itertools.islice(server.stdout or (), 2)), end="")
            load(port, args.query, args.clients, 3)  # all threads have begun, all buffers are there
            process = psutil.Process(server.pid)
            before, used = process.memory_info().rss, sum(process.cpu_times()[:2])
            outcomes = load(port, args.query, args.clients, args.seconds)
            after, used = process.memory_info().rss, sum(process.cpu_times()[:2]) - used
        finally:
            server.send_signal(signal.SIGINT)
    lost = [outcome.lost for outcome in outcomes if outcome.lost]
    half, most = 1000 * np.quantile([outcome.seconds for outcome in outcomes], [0.5, 0.95])
    print(
        f"clients  {args.clients}, {args.seconds:g} s, load of the machine {psutil.getloadavg()[0]:.1f}"
    )
    print(f"requests {len(outcomes):,}, {len(outcomes) / args.seconds:.1f} a second")
    print(f"lost     {len(lost):,} {sorted(set(lost)) or ''}")
    print(f"answered in {half:.0f} ms (median), {most:.0f} ms (95 %)")
    print(f"cost     {1000 * used / len(outcomes):.0f} ms of processor time a request")
    print(f"memory   {before / 2**20:,.0f} MiB before, {after / 2**20:,.0f} MiB after")
    print(f"ended    with exit code {server.returncode}")


if __name__ == "__main__":
    main()
