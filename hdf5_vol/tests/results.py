"""For pytest: writes how each test ended into the file that RESULTS names, one line each, so that a test that ends the process is known too.

`started NAME`, then `passed NAME`, `skipped NAME` or `failed NAME`; a test that fails in more than one of its parts has several lines.
"""

import os

results = open(os.environ["RESULTS"], "w", encoding="utf-8")


def say(word, name):
    print(word, name, file=results, flush=True)


def pytest_runtest_logstart(nodeid):
    say("started", nodeid)


def pytest_runtest_logreport(report):
    # What prepares a test and what follows it only counts when it does not pass.
    if report.when == "call" or not report.passed:
        say(report.outcome, report.nodeid)


def pytest_collectreport(report):
    if report.failed:
        say("failed", report.nodeid)
