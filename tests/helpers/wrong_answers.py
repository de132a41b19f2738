"""Wrong answers to the exercises of the course, each with words of the hint it earns.

They are mistakes that readers make: a rule read the wrong way round, a term forgotten.
"""

from __future__ import annotations

WRONG = {
    "1.1": [
        ("signs = [1, 0, 1, 0, 1, 1, 1, 1]", "r[6] is -0.4, which is below zero"),
        ("signs = [1, 0, 1]", "8 numbers are asked for, yours has 3"),
        ("signs = '10101101'", "a list of 8 numbers is asked for, in square brackets"),
        ("signs = {0, 1}", "yours is of type set"),
        ("signs = (x > 0 for x in r)", "yours is of type generator"),
        ("signs = lambda x: x > 0", "yours is of type function"),
        ("signs = [1, 0, 1, 0, 1, 1, 0, '1']", "at place 7 you have the text '1'"),
        ("signs = [[1], [0], [1], [0], [1], [1], [0], [1]]", "you have list"),
    ],
    "1.2": [
        ("strong = [1, 0, 0, 0, 0, 1, 0, 1]", "|r[3]| is 1.1"),
        ("strong = [1, 0, 0, 1, 0, 1, 0, 1]", "|r[5]| is 0.5"),
        ("strong = [0, 3, 7]", "not which places"),
    ],
    "1.3": [
        ("u = [3, 0, 2, 1, 2, 2, 0, 3]", "r[1] = -0.2 is below zero and weak"),
        ("u = [3, -1, 1, -3, 1, 1, -1, 3]", "that is w"),
        ("u = 2 * np.array([3, 1, 2, 0, 2, 2, 1, 3]) - 3", "u = (w + 3) / 2"),
    ],
    "1.4": [
        ("two_bytes = [3 + 4 + 32 + 0, 2 + 8 + 16 + 192]", "byte 0 holds [3, 2, 2, 1]"),
        ("two_bytes = 107", "a list of 2 numbers is asked for"),
    ],
    "2.1": [
        ("dot = 16", "that of the u"),
        ("dot = '10'", "you have the text '10': write a number"),
        ("dot = 12", "w is [3, 1, -1, 1] and [3, -1, -1, 1]"),
    ],
    "2.2": [
        ("x_and_y = 1, 2", "for u = 1, H is -1 and L is 1: you make 1, w is -1"),
        ("x_and_y = 2", "a list of 2 numbers is asked for"),
        ("x_and_y = 3, 1", "for u = 0, H is -1 and L is -1: you make -4, w is -3"),
    ],
    "2.3": [
        ("p, q, s = 1, 4, 2", "for u_a = 0 and u_b = 2 you get -5 instead of -3"),
        ("p, q, s = 1, ..., 2", "in the place of the dots"),
    ],
    "2.4": [
        (
            """
def dot_of_words(a, b):
    x, y = a ^ b, a ^ b
    counts = x.bit_count(), (x & HIGH).bit_count(), y.bit_count()
    return 9 * 32 - 2 * (counts[0] + 3 * counts[1] + 2 * counts[2])
""",
            "for u = 1 and 1 in every place you get 288 instead of 32",
        ),
        (
            """
def dot_of_words(a, b):
    x, y = a ^ b, a ^ (b << 1 | b >> 1)
    counts = x.bit_count(), (x & HIGH).bit_count(), y.bit_count()
    return 9 * 32 - 2 * (counts[0] + 3 * counts[1] + 2 * counts[2])
""",
            "in every place you get",
        ),
    ],
    "2.5": [
        (
            "def published_distance_to_itself(dim, n_strong): return 0",
            "with 0 strong of 4 you get 0, and it is 12",
        ),
        (
            "def published_distance_to_itself(dim, n_strong): return 4 * dim",
            "a strong coordinate adds 2·2",
        ),
    ],
    "3.1": [
        ('kept = "ACDE"', "D is 1.25 from C, which you kept"),
        ('kept = "AC"', "E is nearer to the target than to any that is kept (AC)"),
        ('kept = "ABX"', "named A, B, C, D and E"),
        ('kept = "CAE"', "from near to far they are kept as ACE"),
    ],
    "3.2": [
        (
            """
def prune(target, candidates, alpha):
    kept = []
    for place, c in enumerate(candidates):
        own = squared(c, target)
        if all(alpha * squared(c, s) > own for s in candidates[:place]):
            kept.append(place)
    return kept
""",
            "is covered by none of them and must be kept",
        ),
        (
            """
def prune(target, candidates, alpha):
    kept = []
    for place, c in enumerate(candidates):
        own = alpha * squared(c, target)
        if all(squared(c, candidates[s]) > own for s in kept):
            kept.append(place)
    return kept
""",
            "must be kept",
        ),
        (
            "def prune(target, candidates, alpha): return list(range(len(candidates)))",
            "is covered by",
        ),
    ],
    "3.3": [
        ("alpha_of_b = 2.4", "squared already"),
        ("alpha_of_b = 3", "at 3 A still covers B"),
        ("alpha_of_b = 9", "at 9 A has long ceased to cover B"),
    ],
    "3.4": [
        (
            """
def may_cover(s, c, beta):
    return squared(c, (0, 0)) >= beta * squared(s, (0, 0))
""",
            "s = (1, 0) may not cover c = (2, 0)",
        ),
        ("def may_cover(s, c, beta): return True", "|s|² is 1"),
        (
            "def may_cover(s, c, beta): return squared(s, (0, 0)) > squared(c, (0, 0))",
            "may cover c = (3, 1)",
        ),
    ],
    "4.1": [
        ("expanded = [0, 1, 2, 3, 5, 6]", "its nearest row not expanded is 3, not 2"),
        ("expanded = [0, 1, 3, 5, 6, 4]", "so the walk stops"),
        ("expanded = [0, 1, 3]", "go on"),
    ],
    "4.2": [
        (
            """
def my_walk(graph, distances, start, ef):
    order, seen = [], {start}
    while True:
        left = sorted(seen - {*order}, key=lambda row: distances[row])
        if not left:
            return order
        order.append(left[0])
        seen.update(graph[left[0]])
""",
            "you go on after",
        ),
        (
            """
def my_walk(graph, distances, start, ef):
    here, order = start, []
    while True:
        order.append(here)
        there = min(graph[here], key=lambda row: distances[row])
        if distances[there] >= distances[here] or len(order) > 40:
            return order
        here = there
""",
            "you stop, while row",
        ),
    ],
    "4.3": [
        ("smallest_ef = 7", "gets as far as row 8"),
        ("smallest_ef = 7.5", "a whole number from 1 to 15"),
        ("smallest_ef = 9", "and so does 8"),
    ],
    "4.4": [
        ("new_edge = 13, 1", "never reads the list of row 13"),
        ("new_edge = 1, 6", "leads to nothing nearer"),
    ],
    "5.1": [
        (
            "def recall(answer, true): return float(np.mean(answer == true))",
            "2 1 for 1 2",
        ),
        (
            "def recall(answer, true): return 1.0",
            "you get 1.0, and it is 0.75",
        ),
    ],
    "5.2": [
        (
            "def ceiling(by_code, true, ef): return recall(by_code[:, :10], true)",
            "with ef = 400",
        ),
        (
            "def ceiling(by_code, true, ef): return 1.0",
            "cut every line of by_code after 10",
        ),
    ],
    "5.3": [
        (
            """
def fate(row, by_code, beam, answer, ef):
    if row not in by_code[:ef]:
        return "code"
    if row not in beam:
        return "walk"
    return "found" if row in answer else "re-rank"
""",
            "wherever it stands by code",
        ),
        (
            """
def fate(row, by_code, beam, answer, ef):
    if row in answer:
        return "found"
    return "walk" if row not in beam else "re-rank"
""",
            "row 8 is ninth by code",
        ),
    ],
    "5.4": [
        ('recall_if_all_is_read = shares["found"]', "all that the re-rank loses"),
        ('recall_if_all_is_read = 1 - shares["code"]', "nothing else"),
    ],
    "6.1": [
        ('units = ["MiB", "MiB"]', "the codes of MiniLM are 91.6 MiB, and 96"),
        ('units = ["MB", "MB"]', "the vectors of MiniLM are 1536.0 MB, and 1465"),
        ('units = "MB"', "a list of 2 units is asked for"),
        ('units = ["MB", "GB"]', "a unit is 'MB' or 'MiB'"),
    ],
    "6.2": [
        (
            "def expected_hamming(x, y): return len(x) * np.arccos(x @ y) / np.pi",
            "at 45 degrees",
        ),
        (
            """
def expected_hamming(x, y):
    return len(x) * (1 - x @ y / np.sqrt((x @ x) * (y @ y))) / 2
""",
            "at 45 degrees: 1 of 4 bits, and you get 0.586",
        ),
    ],
    "6.3": [
        ('equation_1 = "confirmed"', "far from the line"),
        ('equation_1 = "not reproduced"', "for Gaussian pairs"),
        ('equation_1 = "it depends"', "word by word"),
    ],
    "6.4": [
        ('counterexample = "MiniLM", "SIFT"', "too far apart"),
        ('counterexample = "MiniLM", "MiniLM"', "not 50 points apart"),
        ('counterexample = "MiniLM", "Glove"', "the names are"),
    ],
    "6.5": [
        (
            """
def ov10(distances, true):
    nearest = np.argsort(-distances, axis=1)[:, :10]
    return np.mean([len({*a} & {*t}) / 10 for a, t in zip(nearest, true)])
""",
            "the ten of smallest distance are the true ten",
        ),
        (
            """
def ov10(distances, true):
    return np.mean(np.argsort(distances, axis=1)[:, :10] == true)
""",
            "five of the true ten",
        ),
    ],
    "6.6": [
        (
            """
def kept_before_fill(to_target, between, alpha):
    kept = []
    for c in range(len(to_target)):
        if not kept or (alpha * between[c][kept] > to_target[c]).all():
            kept.append(c)
    return kept
""",
            "alpha = 1.2",
        ),
        (
            """
def kept_before_fill(to_target, between, alpha):
    return list(range(len(to_target)))
""",
            "goes, ",
        ),
        (
            "def kept_before_fill(to_target, between, alpha): return [0]",
            "stays, no kept one is that near",
        ),
    ],
}
