#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count the results of meson test runs: results.py TESTLOG.JSON… → "N passed, N failed".

A test whose program speaks cmocka's or TAP's language counts with each of its cases; meson's log
of a test holds its output. A test that was skipped (exit status 77) counts as skipped.
"""

import json
import re
import sys

CASE = re.compile(r'^\[\s+(OK|FAILED|ERROR|SKIPPED)\s+\] (\S+)$', re.M)
TAP = re.compile(r'^(ok|not ok)\b(?:.*(# *skip))?', re.M | re.I)


def count_cases(test):
    """The cases that a test's output tells of, as (passed, failed, skipped)."""
    output = test.get('stdout', '')
    # cmocka names a failed case twice: when it ends, and in the summary.
    cases = set(CASE.findall(output + '\n' + test.get('stderr', '')))
    words = [word for word, _ in cases]
    passed = words.count('OK')
    failed = words.count('FAILED') + words.count('ERROR')
    skipped = words.count('SKIPPED')
    for word, skip in TAP.findall(output):
        if skip:
            skipped += 1
        elif word.lower() == 'ok':
            passed += 1
        else:
            failed += 1
    return passed, failed, skipped


def main(paths):
    """Print the sums; the exit status is 1 if anything failed."""
    passed = failed = skipped = 0
    failures = []
    for path in paths:
        with open(path, encoding='utf-8') as log:
            tests = [json.loads(line) for line in log]
        for test in tests:
            result = test['result']
            case_passed, case_failed, case_skipped = count_cases(test)
            if result == 'SKIP':
                skipped += 1
            elif result in ('OK', 'EXPECTEDFAIL'):
                passed += case_passed if case_passed + case_skipped else 1
                skipped += case_skipped
            else:
                failed += max(case_failed, 1)
                passed += case_passed
                skipped += case_skipped
                failures.append(test['name'])
    for name in failures:
        print(f'failed: {name}')
    text = f'{passed} passed, {failed} failed'
    if skipped:
        text += f', {skipped} skipped'
    print(text)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
