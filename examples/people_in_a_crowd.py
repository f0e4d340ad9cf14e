"""Who is who in a crowd? Joints of many people, without names, are grouped into people.

Draws crowds that stand more and more in each other's way and hands over nothing but which joints there are and where.
Tags are those that other crowds taught; three ways of reading people off them stand next to joining limbs by length.

    python examples/people_in_a_crowd.py
"""

from graphembed.bench.keypoints import overlap
from graphembed.bench.limbs import limbs
from graphembed.datasets.crowds import crowd
from graphembed.encoders.tags import people_tags
from graphembed.heads.groups import Groups
from graphembed.recast.keypoints import keypoint_graph


def main() -> None:
    graph = keypoint_graph(crowd(1, people=(4, 4), overlap=0.3, seed=5))
    print(graph)
    tags = people_tags(epochs=0).fit(graph)  # nothing more is learnt here
    found = Groups().fit(tags.transform(graph), graph, tags.log_odds(graph))
    for person in found.people().itertuples():
        print(
            f"{person.name}  score {person.score:.2f}  {len(person.points)} joints: {', '.join(person.points[:3])} ..."
        )

    rows = overlap((0.0, 0.4, 0.8), images=60, tags=tags, baselines={"limbs": limbs})
    print("\nshare of people grouped exactly, by how much they overlap:")
    table = rows.pivot_table(index="method", columns="overlap", values="exact", sort=False)
    print(table.round(3).to_string())

    assert (rows["violations"] == 0).all(), "nobody has two left elbows"
    assert table.loc["tags, partition", 0.0] > 0.97, "who stands apart is found"
    assert (table.loc["tags, partition"] > table.loc["limbs"] + 0.1).all(), "and tags see more than lengths"


if __name__ == "__main__":
    main()
