#!/usr/bin/env python3
"""Turns files of packages into the data sets of tools/get_data, which calls it: prepare_data.py SET FROM FOLDER. FROM is a seed for
`programs`, which come from nowhere else."""

import hashlib
import io
import json
import math
import os
import random
import re
import struct
import sys
import zipfile


def bucket(text, count):
    """The part of `count` that a text belongs to: what `split: {hash: .., modulo: ..}` computes."""
    return int(hashlib.sha1(text.encode()).hexdigest(), 16) % count


def ecg(source, folder):
    """scipy's ecg.dat, a .npz of one array of whole numbers (360 a second), in millivolts, in segments of 3.75 seconds."""
    with zipfile.ZipFile(source) as archive:
        raw = archive.read("ecg.npy")
    length = struct.unpack("<H", raw[8:10])[0]
    header = raw[10:10 + length].decode("latin1")
    kind = re.search(r"'descr': '([^']*)'", header).group(1)
    code = {"<u2": "H", "<i2": "h", "<i4": "i", "<i8": "q", "|u1": "B"}[kind]
    body = raw[10 + length:]
    samples = struct.unpack("<%d%s" % (len(body) // struct.calcsize(code), code), body)
    with open(os.path.join(folder, "ecg.csv"), "w") as file:
        file.write("segment,mv\n")
        file.write("".join("%d,%.3f\n" % (k // 1350, (sample - 1024) / 200) for k, sample in enumerate(samples)))


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


class Aligner:
    """Which letter says which phones: each none, one or two, found by expectation maximisation (Dempster, Laird & Rubin 1977).

    A word is a path from (0 letters, 0 phones) to all of both; p[letter][phones] is how likely a letter says them."""

    most = 2  # phones of a letter

    def __init__(self, words, rounds=6):
        self.p = {}
        for _ in range(rounds):
            self.counts = {}
            for letters, phones in words:
                self.count(letters, phones)
            self.p = {letter: {said: count / sum(of.values()) for said, count in of.items()} for letter, of in self.counts.items()}

    def fits(self, letters, phones):
        return 0 < len(letters) and len(phones) <= self.most * len(letters)

    def weight(self, letter, said):
        """Before anything is known one phone is likelier than none or two."""
        if not self.p:
            return 1.0 if len(said) == 1 else 0.2
        return max(self.p.get(letter, {}).get(said, 0.0), 1e-9)

    def steps(self, i, j, letters, phones):
        """(phones said, weight) of letter i, before which j phones are said, where the rest can still be said by the rest."""
        rest = len(letters) - i - 1
        for n in range(self.most + 1):
            if j + n <= len(phones) <= j + n + self.most * rest:
                said = tuple(phones[j:j + n])
                yield said, self.weight(letters[i], said)

    def count(self, letters, phones):
        """Adds how often each letter is expected to say what: forward, then backward sums over all paths."""
        forward = [{0: 1.0}]
        for i in range(len(letters)):
            reached = {}
            for j, sum_before in forward[i].items():
                for said, weight in self.steps(i, j, letters, phones):
                    reached[j + len(said)] = reached.get(j + len(said), 0.0) + sum_before * weight
            forward.append(reached)
        total = forward[-1].get(len(phones), 0.0)
        if total == 0.0:
            return
        after = {len(phones): 1.0}
        for i in reversed(range(len(letters))):
            before = {}
            for j, sum_before in forward[i].items():
                for said, weight in self.steps(i, j, letters, phones):
                    behind = weight * after.get(j + len(said), 0.0)
                    if behind > 0.0:
                        before[j] = before.get(j, 0.0) + behind
                        of = self.counts.setdefault(letters[i], {})
                        of[said] = of.get(said, 0.0) + sum_before * behind / total
            after = before

    def best(self, letters, phones):
        """What each letter says on the likeliest path."""
        paths = {0: (0.0, ())}
        for i in range(len(letters)):
            reached = {}
            for j, (score, path) in paths.items():
                for said, weight in self.steps(i, j, letters, phones):
                    to, found = j + len(said), score + math.log(weight)
                    if to not in reached or found > reached[to][0]:
                        reached[to] = (found, path + (said,))
            paths = reached
        return paths[len(phones)][1]


def align(folder, parts):
    """A cell for each letter: `_` says nothing, `K+S` two phones. Words with more than two phones a letter are left out."""
    some = 6  # every sixth word of the training part teaches: enough, and a minute
    fits = Aligner([]).fits
    aligner = Aligner([(word, phones) for word, phones in parts["train"][::some] if fits(word, phones)])
    for name, lines in parts.items():
        with open(os.path.join(folder, "aligned.%s.tsv" % name), "w", encoding="utf-8") as file:
            for word, phones in lines:
                if fits(word, phones):
                    file.write("%s\t%s\n" % (word, " ".join("+".join(said) or "_" for said in aligner.best(word, phones))))


def spam(source, folder):
    """Messages of the SpamAssassin corpus as JSON lines: the text, words parted by blanks and lines by line ends, and 1 for spam."""
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
            file.write(json.dumps({"name": name, "text": "\n".join(line for line in lines if line), "spam": int(is_spam)}) + "\n")


class Programs:
    """Short programs in Python and what they print, after Zaremba & Sutskever 2014 (arXiv:1410.4615): sums, differences, products by one
    digit, variables, loops and choices. The same seed gives the same programs anywhere."""

    def __init__(self, seed, digits=2, statements=2):
        self.random = random.Random(seed)
        self.digits, self.statements = digits, statements

    def below(self, count):
        return int(self.random.random() * count)  # the only draw that Python promises to keep as it is

    def number(self):
        return str(1 + self.below(10 ** (1 + self.below(self.digits)) - 1))

    def operand(self, variables):
        return variables[self.below(len(variables))] if variables and self.below(3) else self.number()

    def expression(self, variables):
        a, b = self.operand(variables), self.operand(variables)
        kind = self.below(4)
        if kind == 2:
            return "(%s*%d)" % (a, 2 + self.below(8))
        if kind == 3:
            return "(%s if %s>%s else %s)" % (a, b, self.number(), self.number())
        return "(%s%s%s)" % (a, "+-"[kind], b)

    def program(self):
        lines, variables = [], []
        for _ in range(self.below(self.statements + 1)):
            if variables and self.below(2):
                to = variables[self.below(len(variables))]
                lines.append("for x in range(%d):%s%s=%s" % (2 + self.below(8), to, "+-"[self.below(2)], self.number()))
            else:
                variables.append("abcdefgh"[len(variables)])
                lines.append("%s=%s" % (variables[-1], self.expression(variables[:-1])))
        printed = self.expression(variables)
        if self.below(2):
            printed += "+-"[self.below(2)] + self.operand(variables)
        return "\n".join(lines + ["print(%s)" % printed])


def programs(seed, folder):
    """Programs and what they print as JSON lines: the text of both, 1 for each character of the answer and the end, and the split."""
    source, seen = Programs(int(seed)), set()
    counts = [("train", 40000), ("dev", 1000), ("test", 2000)]
    with open(os.path.join(folder, "programs.jsonl"), "w") as file:
        for part, count in counts:
            while count > 0:
                program = source.program()
                if program in seen:
                    continue
                seen.add(program)
                printed = []
                exec(program, {"__builtins__": {"print": printed.append, "range": range}})
                answer = str(printed[0])
                known = "0" * (len(program) + 1) + "1" * (len(answer) + 1)
                file.write(json.dumps({"text": program + "\n" + answer, "answer": known, "part": part}) + "\n")
                count -= 1


if __name__ == "__main__":
    kind, source, folder = sys.argv[1:]
    {"ecg": ecg, "cmudict": cmudict, "spam": spam, "programs": programs}[kind](source, folder)
