"""Which workers went down with a node, as the driver judges it."""

import pytest

from mathpipe.core import cluster


def _node(name: str, alive: bool) -> dict[str, object]:
    return {"NodeID": name, "Alive": alive, "NodeManagerAddress": "127.0.0.1", "NodeManagerPort": 1}


def test_every_worker_of_a_lost_node_is_its_loss_also_those_that_never_said_where_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nodes = [_node("gone before", alive=False), _node("here", alive=True), _node("lost", alive=True)]
    monkeypatch.setattr(cluster, "_nodes", lambda: nodes)
    monkeypatch.setattr(cluster, "_answers", lambda node: True)
    lost = cluster.LostNodes()
    assert not lost.took("")
    nodes[2]["Alive"] = False
    assert lost.took("lost")
    assert [lost.took(""), lost.took("")] == [True, True]
    assert not lost.took("here")
