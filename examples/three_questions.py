"""Who is near, who plays the same part, who belongs together: three questions about one organisation chart.

The answers are different, and here the right ones are known: people of one rank play the same part, people of one
department belong together.

    python examples/three_questions.py
"""

import graphembed as ge
from graphembed.datasets.orbits import hierarchy
from graphembed.geometry import report

chart = hierarchy(departments=5, managers=4, employees=6)
space = ge.Space(chart, communities=ge.Communities("leiden", k=5))

someone = "manager 2.1"
for question in ("proximity", "role", "community"):
    answers = ", ".join(f"{name} ({similarity:.2f})" for name, similarity in space.similar(someone, question, 4))
    print(f"{someone} by {question + ':':11} {answers}")

print("\nwhat the roles look like:")
for number, role in space.roles.describe().iterrows():
    print(f"role {number}, {role['nodes']} of them: {role['words']}")

print("\nwhere the departments are:")
department = {name: name.split()[1].split(".")[0] for name in chart.names if name != "chief"}
scores = space.groups.score(department)
print(f"{space.groups.k_} communities, NMI with the departments {scores['NMI']:.2f}")

print(f"\n{report(space.near, chart)}")

# What the names of the people say must come out.
alike = [name for name, _ in space.similar(someone, "role", 19)]
assert all(name.startswith("manager") for name in alike)
assert len({department[name] for name in alike}) == 5
near = [name for name, _ in space.similar(someone, "proximity", 6)]
assert {department[name] for name in near} == {"2"}
assert scores["NMI"] > 0.9
print("\nmanagers of all departments play one part, and the departments are communities")
