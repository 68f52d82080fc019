#!/usr/bin/env python3
"""Sends the same samples by Prometheus Remote-Write 1.0 to any receiver, and says what they cost it.

    python3 docs/peers/remote_write.py URL --pid PID [--samples 10M] [--series 20000]

URL is that of the receiver, such as http://localhost:4319/api/v1/write; PID is its process. Samples are 15 s apart and end
now, in requests of 2,000, each series with twelve labels; of 100 series 35 are constant, 40 are counters, 13 are whole
numbers, 8 have decimals and 4 are noise. Needs numpy. The bodies are Snappy without matches, so that what is measured
is the receiver and not the compression.
"""

import argparse
import http.client
import struct
import time
import urllib.parse

import numpy as np

PER_REQUEST = 2_000
INTERVAL_MS = 15_000
TICKS = 100  # of a second, as Linux tells processor time


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def labels(series):
    kind = series % 100
    yield "__name__", f"shop_{['config', 'requests_total', 'queue_length', 'load', 'noise'][np.searchsorted([35, 75, 88, 96], kind, 'right')]}_{kind}"
    yield "container", "server"
    yield "endpoint", "http"
    yield "instance", f"10.0.{series // 100 % 250}.{series // 25_000}:8080"
    yield "job", "shop"
    yield "namespace", "production"
    yield "node", f"node-{series // 100 % 17}"
    yield "pod", f"booking-{series // 100:05d}-x7k2p"
    yield "region", "eu-central-1"
    yield "service", f"service-{series // 100 % 12}"
    yield "version", "1.42.0"
    yield "zone", "a"


class Template:
    """The body of a request for some series, and where in it the values and times are."""

    def __init__(self, first, n):
        self.values_at, self.times_at = [], []
        body = bytearray()
        stamp = varint(1 << 40)  # six bytes, as for every time of our days in milliseconds
        for series in range(first, first + n):
            named = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in labels(series))
            sample = b"\x09" + bytes(8) + b"\x10" + stamp
            entry = named + field(2, sample)
            head = varint(1 << 3 | 2) + varint(len(entry))
            end = len(body) + len(head) + len(entry)
            self.times_at.append(end - len(stamp))
            self.values_at.append(end - len(stamp) - 1 - 8)
            body += head + entry
        self.body = np.frombuffer(bytes(body), dtype=np.uint8).copy()
        self.values_at = np.array(self.values_at)[:, None] + np.arange(8)
        self.times_at = np.array(self.times_at)[:, None] + np.arange(len(stamp))
        self.kinds = np.arange(first, first + n) % 100

    def fill(self, time_ms, state, random):
        kinds = self.kinds
        steps = random.integers(0, 50, len(kinds)).astype(float)
        counters = (kinds >= 35) & (kinds < 75)
        state[counters] += steps[counters]
        whole = (kinds >= 75) & (kinds < 88)
        state[whole] = np.maximum(0, state[whole] + np.round(steps[whole] / 10 - 2.45))
        decimals = (kinds >= 88) & (kinds < 96)
        state[decimals] = np.round(np.abs(state[decimals] + (steps[decimals] - 24.5) / 100), 2)
        noise = kinds >= 96
        state[noise] = random.random(noise.sum())
        self.body[self.values_at] = state.astype("<f8").view(np.uint8).reshape(-1, 8)
        self.body[self.times_at] = np.frombuffer(varint(time_ms), dtype=np.uint8)
        return self.body.tobytes()


def snappy(body):
    out = bytearray(varint(len(body)))
    for at in range(0, len(body), 65_536):
        piece = body[at : at + 65_536]
        out += b"\xf4" + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wait_until_quiet(pid):
    last, quiet = cpu_seconds(pid), 0
    while quiet < 4:
        time.sleep(5)
        now = cpu_seconds(pid)
        quiet = quiet + 1 if now - last < 0.15 else 0
        last = now
    return last


def amount(text):
    units = {"k": 1_000, "M": 1_000_000}
    return int(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--samples", type=amount, default=amount("10M"))
    parser.add_argument("--series", type=amount, default=20_000)
    args = parser.parse_args()

    random = np.random.default_rng(1)
    templates = [Template(first, min(PER_REQUEST, args.series - first)) for first in range(0, args.series, PER_REQUEST)]
    states = [np.round(random.random(len(it.kinds)) * 1000) for it in templates]
    rounds = args.samples // args.series
    start = (int(time.time() * 1000) - rounds * INTERVAL_MS) // INTERVAL_MS * INTERVAL_MS
    url = urllib.parse.urlsplit(args.url)
    connection = http.client.HTTPConnection(url.netloc)
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    before, sent, n_bytes = cpu_seconds(args.pid), 0, 0
    for number in range(rounds):
        for template, state in zip(templates, states):
            body = snappy(template.fill(start + number * INTERVAL_MS, state, random))
            connection.request("POST", url.path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status // 100 != 2:
                raise SystemExit(f"{answer.status}: {text[:200]!r}")
            sent += len(template.kinds)
            n_bytes += len(body)
    at_once = cpu_seconds(args.pid) - before
    until_quiet = wait_until_quiet(args.pid) - before
    print(
        f"{sent} samples of {args.series} series, {n_bytes / sent:.0f} bytes each: {until_quiet:.1f} s of the receiver's processor until quiet"
        f" ({at_once:.1f} s when the last was answered), {sent / until_quiet / 1e3:.0f} k samples a second"
    )


if __name__ == "__main__":
    main()
