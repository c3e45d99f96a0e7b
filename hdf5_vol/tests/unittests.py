"""Runs tests that a module gives by a function suite(), and says how each ended as results.py does: python unittests.py MODULE

Such modules have classes that are no tests by themselves, which only they know of.
"""

import importlib
import os
import sys
import unittest

results = open(os.environ["RESULTS"], "w", encoding="utf-8")
module = sys.argv[1]


class Result(unittest.TextTestResult):
    def say(self, word, _):
        print(word, self.name, file=results, flush=True)

    def startTest(self, test):
        # Some forget how they are called when they end.
        self.name = test.id()
        self.say("started", test)
        super().startTest(test)

    def addSuccess(self, test):
        self.say("passed", test)
        super().addSuccess(test)

    def addSkip(self, test, reason):
        self.say("skipped", test)
        super().addSkip(test, reason)

    def addError(self, test, error):
        self.say("failed", test)
        super().addError(test, error)

    def addFailure(self, test, error):
        self.say("failed", test)
        super().addFailure(test, error)

    def addSubTest(self, test, part, error):
        if error is not None:
            self.say("failed", test)
        super().addSubTest(test, part, error)


unittest.TextTestRunner(resultclass=Result).run(importlib.import_module(module).suite())
