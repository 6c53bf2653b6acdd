"""Runs the tests with a mutant on: those that reach its place, the fastest first, until one fails, crashes or takes far too long."""

import json
import os
import re
import resource
import signal
import subprocess
import time

GOLDEN = re.compile(r"GoldenPlan")  # compares plans with stored ones: last, so that the figures say what would live without
# Not about what a plan computes: what the documents say, limits of size and time.
LEFT_OUT = "Documentation.*:Excerpt*:Explain.*:Limits.*:Scripts.*:VectorUnits.*:Tool.Profile*"
# Seconds of a test: a round with all mutants for the fast ones, then another with what is left.
ROUNDS = (((0.0, 0.05), (0.05, 0.5)), ((0.5, 5.0), (5.0, 1000.0)))
MEMORY = 6 << 30  # bytes of one process: what grows for ever ends
FEWER = {"TAPELOOP_RANDOM_GRAPHS": "96", "TAPELOOP_RESUMES": "1", "TAPELOOP_KILLS": "1", "TAPELOOP_STEPS": "100"}


def limit(seconds):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Trials:
    def __init__(self, folder, source, programs):
        self.folder = folder
        self.source = source
        self.programs = programs
        self.tests = []  # (program, name, seconds, set of numbers)

    def call(self, program, filters, seconds, **more):
        """Status and output. `seconds` of processor time it may have, and many times that by the clock: the machine may be busy."""
        environment = dict(os.environ, **FEWER, **more)
        command = [os.path.join(self.source, "build", "tests", f"tests_{program}"), "--gtest_brief=0", "--gtest_color=no"]
        environment["GTEST_FILTER"] = filters
        environment["GTEST_FAIL_FAST"] = "1" if "TAPELOOP_MUTANT" in more else "0"
        environment["TMPDIR"] = os.path.join(self.folder, "tmp")
        os.makedirs(environment["TMPDIR"], exist_ok=True)
        process = subprocess.Popen(command, cwd=self.source, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", start_new_session=True,
                                   preexec_fn=lambda: limit(int(seconds)))
        try:
            said, _ = process.communicate(timeout=120 + 20 * seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            said, _ = process.communicate()
            return "time", said
        return "time" if process.returncode == -signal.SIGXCPU else process.returncode, said

    def baseline(self):
        """All must pass with no mutant on. Finds for each test how long it takes and which places it reaches."""
        kept_path = os.path.join(self.folder, "baseline.json")
        kept = {}
        if os.path.exists(kept_path):
            with open(kept_path) as file:
                kept = json.load(file)
        for program in self.programs:
            built = os.path.getmtime(os.path.join(self.source, "build", "tests", f"tests_{program}"))
            if kept.get(program, {}).get("built") != built:
                kept[program] = {"built": built, "tests": self.without_mutant(program)}
                with open(kept_path, "w") as file:
                    json.dump(kept, file)
            self.tests += [(program, name, seconds, set(numbers)) for name, seconds, numbers in kept[program]["tests"]]

    def without_mutant(self, program):
        reached = os.path.join(self.folder, "reached")
        lines = os.path.join(self.folder, "tests")
        with open(reached, "wb") as file:
            file.write(bytes(4096))
        start = time.time()
        before = processor_seconds()
        status, said = self.call(program, "*-" + LEFT_OUT, 1800, TAPELOOP_MUTANTS_REACHED=reached, TAPELOOP_MUTANTS_TESTS=lines)
        spent = processor_seconds() - before
        share = min(1.0, spent / (time.time() - start))  # of a processor: the clock says little on a busy machine
        tests = []
        with open(lines) as file:
            for line in file:
                name, milliseconds, passed, *numbers = line.split()
                if passed != "1":
                    print(f"mutants: {program}: {name} fails without a mutant, and is left out", flush=True)
                else:
                    tests.append((name, share * float(milliseconds) / 1000, [int(number) for number in numbers]))
        print(f"mutants: tests_{program}: {len(tests)} tests, {spent:.0f} s of processor time, status {status}", flush=True)
        if status not in (0, 1):
            raise SystemExit(said[-2000:])
        return tests

    def run(self, mutant, tiers):
        number = mutant["number"]
        start = time.time()
        tests = [test for test in self.tests if number in test[3]]
        result = {"number": number, "file": mutant["file"], "line": mutant["line"], "reached_by": len(tests)}
        result.update(self.killer(number, tests, tiers) or {"result": "survived" if tests else "not reached"})
        result["seconds"] = round(time.time() - start, 1)
        print(f"mutants: {number} {mutant['file']}:{mutant['line']} {mutant['kind']}: {result['result']} {result.get('by', '')} "
              f"({result['seconds']} s, {len(tests)} tests)", flush=True)
        return result

    def killer(self, number, tests, tiers):
        for golden in (False, True):
            for least, most in tiers:
                for program in self.programs:
                    names = [name for of, name, seconds, _ in tests
                             if of == program and bool(GOLDEN.search(name)) == golden and least <= seconds < most]
                    expected = sum(seconds for of, name, seconds, _ in tests if of == program and name in set(names))
                    if not names:
                        continue
                    status, said = self.call(program, ":".join(names), 10 + 4 * expected, TAPELOOP_MUTANT=str(number))
                    if status != 0:
                        return {"result": "killed", "by": f"{program}: {last_test(said)}", "how": how(status), "golden": golden}
        return None


def how(status):
    return "time" if status == "time" else "fails" if status == 1 else f"crash {status}"


def last_test(said):
    failed = re.findall(r"^\[  FAILED  \] (\S+)", said, re.M)
    begun = re.findall(r"^\[ RUN      \] (\S+)", said, re.M)
    return (failed or begun or ["?"])[0 if failed else -1].rstrip(",")


def report(folder, mutants, results):
    done = [results[one["number"]] for one in mutants if one["number"] in results]
    killed = [one for one in done if one["result"] == "killed"]
    by_golden = sum(one["golden"] for one in killed)
    ways = {}
    for one in killed:
        way = one["how"].split()[0]
        ways[way] = ways.get(way, 0) + 1
    print(f"mutants: {len(killed)} of {len(done)} killed ({100 * len(killed) / max(1, len(done)):.1f} %), {ways}; "
          f"{by_golden} of them by stored plans only")
    with open(os.path.join(folder, "survivors.md"), "w") as file:
        file.write("| mutant | place | was | became | |\n|---|---|---|---|---|\n")
        for one in mutants:
            result = results.get(one["number"], {})
            if result.get("result") in ("survived", "not reached"):
                was, now = (re.sub(r"\s+", " ", text).replace("|", "\\|") for text in (one["was"], one["now"]))
                file.write(f"| {one['number']} | {one['file']}:{one['line']} | `{was}` | `{now}` | {result['result']} |\n")
    with open(os.path.join(folder, "summary.json"), "w") as file:
        json.dump({"killed": len(killed), "of": len(done), "ways": ways, "golden only": by_golden}, file)
