#!/usr/bin/env python3
"""Turns files of packages into the data sets of tools/get_data, which calls it: prepare_data.py SET FROM FOLDER."""

import hashlib
import io
import json
import math
import os
import re
import struct
import sys
import zipfile


def bucket(text, count):
    """The part of `count` that a text belongs to: what `split: {hash: .., modulo: ..}` computes."""
    return int(hashlib.sha1(text.encode()).hexdigest(), 16) % count


def ecg(source, folder):
    """scipy's ecg.dat, a .npz of one array of whole numbers, as a table: one sample (adc units, 360 a second) a line."""
    with zipfile.ZipFile(source) as archive:
        raw = archive.read("ecg.npy")
    length = struct.unpack("<H", raw[8:10])[0]
    header = raw[10:10 + length].decode("latin1")
    kind = re.search(r"'descr': '([^']*)'", header).group(1)
    code = {"<u2": "H", "<i2": "h", "<i4": "i", "<i8": "q", "|u1": "B"}[kind]
    body = raw[10 + length:]
    samples = struct.unpack("<%d%s" % (len(body) // struct.calcsize(code), code), body)
    with open(os.path.join(folder, "ecg_adc.csv"), "w") as file:
        file.write("adc\n" + "".join("%d\n" % sample for sample in samples))


def cmudict(source, folder):
    """Words of letters and their phones without stress, split by hash. In test.tsv alternatives stand side by side, else on lines of their own."""
    with open(source, encoding="utf-8") as file:
        entries = re.findall(r'^  "((?:[^"\\]|\\.)*)": "([^"]*)"', file.read(), re.M)
    words = {}
    for key, phones in entries:
        word = re.sub(r"\(\d+\)$", "", json.loads('"%s"' % key))
        plain = re.sub(r"\d", "", phones)
        if not re.fullmatch(r"[a-z']+", word):
            continue
        if plain not in words.setdefault(word, []):
            words[word].append(plain)
    parts = {"train": [], "dev": [], "test": []}
    for word in sorted(words):
        part = bucket(word, 100)
        name = "test" if part < 10 else "dev" if part < 12 else "train"
        parts[name] += [(word, words[word])] if name == "test" else [(word, [phones]) for phones in words[word]]
    for name, lines in parts.items():
        with open(os.path.join(folder, name + ".tsv"), "w", encoding="utf-8") as file:
            file.writelines("%s\t%s\n" % (word, " | ".join(phones)) for word, phones in lines)
    align(folder, {name: [(word, phones[0].split()) for word, phones in lines] for name, lines in parts.items()})


def spam(source, folder):
    """Messages of the SpamAssassin corpus as JSON lines: the lines of the body, and 1 for spam."""
    messages = []
    for root, _, names in sorted(os.walk(source)):
        for name in sorted(names):
            if name.endswith(".txt"):
                with open(os.path.join(root, name), encoding="latin1") as file:
                    messages.append((name, "spam" in root.split(os.sep)[-1] or "spam" in name, file.read()))
    with open(os.path.join(folder, "spam.jsonl"), "w", encoding="utf-8") as file:
        for name, is_spam, text in messages:
            body = text.split("\n\n", 1)[-1]
            lines = [" ".join(re.findall(r"[a-z]+|[0-9]+|[^\sa-z0-9]", line.lower())) for line in body.splitlines()]
            file.write(json.dumps({"name": name, "lines": [line for line in lines if line], "spam": int(is_spam)}) + "\n")


if __name__ == "__main__":
    kind, source, folder = sys.argv[1:]
    {"ecg": ecg, "cmudict": cmudict, "spam": spam}[kind](source, folder)
