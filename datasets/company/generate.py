"""Generate the organisation chart of a company that does not exist; the role of each person is known.

One chief; five senior managers, one per department, who all meet; in each department three or four middle managers
who meet; under each of them four to seven employees; and interns, each looked after by one employee. An edge means
"works with". Roles are positions in this pattern, so the same role is held in every department by people who are not
linked to each other.

    python datasets/company/generate.py OUT_FOLDER     # writes edges.csv and nodes.csv; the same for the same seed
"""

import csv
import itertools
import random
import sys
from pathlib import Path

SEED = 1
DEPARTMENTS = ("Research", "Production", "Sales", "Finance", "Logistics")
FIRST = (
    "Ada Amir Anna Bela Bruno Carla Chen Dara David Edith Emil Esra Fatou Felix Greta Hana Hugo Ines Ivan Jonas Jun "
    "Kaya Lars Lena Luca Mara Mei Milan Nadia Noor Olga Omar Paula Petra Ravi Rosa Sami Tara Timo Vera Yara Zoe"
).split()
LAST = (
    "Abebe Adler Bauer Bell Brandt Costa Dietz Eriksen Falk Ferrari Fischer Garcia Haas Ito Jansen Kaya Keller Kim "
    "Kovacs Lang Lindt Maier Moreau Novak Okafor Oliveira Petrov Quist Rossi Sato Silva Singh Tanaka Weber Wolf Yilmaz"
).split()


def company(seed: int = SEED) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """Return edges (person, person) and people (name, role, department)."""
    rng = random.Random(seed)
    names = [f"{first} {last}" for first, last in itertools.product(FIRST, LAST)]
    rng.shuffle(names)
    edges: list[tuple[str, str]] = []
    people: list[tuple[str, str, str]] = []

    def hire(role: str, department: str, boss: str | None) -> str:
        name = names.pop()
        people.append((name, role, department))
        if boss is not None:
            edges.append((boss, name))
        return name

    chief = hire("chief", "Board", None)
    seniors = [hire("senior manager", department, chief) for department in DEPARTMENTS]
    edges += itertools.combinations(seniors, 2)
    for department, senior in zip(DEPARTMENTS, seniors, strict=True):
        middles = [hire("middle manager", department, senior) for _ in range(rng.choice((3, 4)))]
        edges += itertools.combinations(middles, 2)
        for middle in middles:
            for _ in range(rng.randint(4, 7)):
                employee = hire("employee", department, middle)
                if rng.random() < 0.35:
                    hire("intern", department, employee)
    return edges, people


def write(folder: Path, seed: int = SEED) -> None:
    """Write ``edges.csv`` and ``nodes.csv``."""
    edges, people = company(seed)
    for name, header, rows in (
        ("edges.csv", ("source", "target"), edges),
        ("nodes.csv", ("name", "role", "department"), people),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
