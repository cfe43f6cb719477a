"""Which nodes belong together: one cluster for each call of a module, and one for what is repeated.

Comes before `build`; knows node numbers, paths and edges, and NumPy, because there are many. A call of a module makes a
stretch of consecutive nodes. Taking consecutive nodes of a topological order together never makes a circle, so a module
that is used twice is two clusters, and every cluster can be drawn as one card with edges that run forward. In a large
graph, clusters of one module that was called many times, and neighbours that are built alike, become one with "× n" where
that makes no circle.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as np

Item = tuple[str, int]  # "cluster", "node" or a key of BUNDLES, and its number
BUNDLES = {"op": "operations", "leaf": "inputs", "weight": "weights"}
LEVELS = 300  # clusters, from the outside in, whose insides are folded
OPENED = 24  # cards of a folded graph that depth="auto" shows at most, of a program twice as many
KEPT = 1_500  # cards, shown or to be shown on a click, that a folded scene holds at most
LOOSE = 12  # nodes outside of modules that are drawn one by one in a large graph


@dataclass(slots=True)
class Tree:
    """Clusters from the outside in. Node numbers are an order of execution.

    path    the module's dotted path, or words
    parent  the cluster around, -1 for none            times   how many equal ones it stands for
    home    node → the innermost cluster that it is in, -1 for none
    """

    path: list[str] = field(default_factory=list)
    parent: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    home: list[int] = field(default_factory=list)

    def add(self, path: str, parent: int, times: int = 1) -> int:
        self.path.append(path)
        self.parent.append(parent)
        self.times.append(times)
        return len(self.path) - 1

    def chain(self, cluster: int) -> list[int]:
        """The cluster and those around it, from the inside out, then -1."""
        found = []
        while cluster >= 0:
            found.append(cluster)
            cluster = self.parent[cluster]
        return [*found, -1]


@dataclass(slots=True)
class Graph:
    """Nodes in an order of execution.

    operands  numbers of the nodes that each was made from; none for leaves and constants
    paths     dotted path of the module that made it          calls   the call of that module, equal for one call
    labels    names of leaves, such as "layers.0.weight"      kinds   "op", "leaf" or "constant"
    names     what an operation is called
    """

    operands: list[list[int]]
    paths: list[str]
    calls: list[Hashable]
    labels: list[str]
    kinds: list[str]
    names: list[str]


def grow(graph: Graph, modules: frozenset[str]) -> Tree:
    """The clusters of all calls. `modules`: paths of modules that make no nodes themselves but have some inside."""
    tree = Tree(home=[-1] * len(graph.paths))
    prefixes: dict[str, list[str]] = {"": []}
    known = modules | set(graph.paths)
    open_: list[Item] = []  # path and cluster, from the outside in
    call_of: dict[int, Hashable] = {}
    first: dict[int, int] = {}  # cluster → its first node
    last: tuple[str, Hashable] = ("", 0)
    for node, (path, call, kind) in enumerate(zip(graph.paths, graph.calls, graph.kinds, strict=True)):
        if kind != "op":
            continue
        if (path, call) == last:  # most nodes
            tree.home[node] = open_[-1][1] if open_ else -1
            continue
        last = path, call
        if path not in prefixes:
            parts = path.split(".")
            heads = [".".join(parts[:i]) for i in range(1, len(parts))]
            prefixes[path] = [*(head for head in heads if head in known), path]
        chain = prefixes[path]
        same = 0
        while same < min(len(chain), len(open_)) and open_[same][0] == chain[same]:
            same += 1
        if same == len(chain) and chain and call_of.setdefault(open_[same - 1][1], call) != call:
            same -= 1  # the same module, called again
        del open_[same:]
        for part in chain[same:]:
            open_.append((part, tree.add(part, open_[-1][1] if open_ else -1)))
        if chain:
            tree.home[node] = open_[-1][1]
            call_of.setdefault(open_[-1][1], call)
        for _, cluster in open_[::-1]:
            if cluster in first:
                break
            first[cluster] = node
    _place_leaves(graph, tree, first)
    return tree


def _place_leaves(graph: Graph, tree: Tree, first: dict[int, int]) -> None:
    """A parameter goes into the module that it is named after, if only that uses it; so does a constant array, unless the
    module's first operation takes it: then it is what the module was called with."""
    users: dict[int, list[int]] = {}
    for node, operands in enumerate(graph.operands):
        for operand in operands:
            if graph.kinds[operand] != "op":
                users.setdefault(operand, []).append(node)
    for leaf, nodes in users.items():
        homes = list(dict.fromkeys(tree.home[node] for node in nodes))
        chain = tree.chain(homes[0])
        for home in homes[1:]:
            others = set(tree.chain(home))
            chain = [cluster for cluster in chain if cluster in others]
        label = graph.labels[leaf]
        for cluster in chain:
            if cluster < 0:
                break
            mine = label.startswith(f"{tree.path[cluster]}.")
            if mine or (graph.kinds[leaf] == "constant" and first[cluster] not in nodes):
                tree.home[leaf] = cluster
                break


def fold(graph: Graph, tree: Tree, modules: frozenset[str]) -> None:
    """Put repeated clusters, and loose nodes where there are many, into clusters of their own, at every level."""
    below: dict[int, dict[int, None]] = {}  # cluster → those directly inside, in the order of their first nodes
    for home in dict.fromkeys(tree.home):
        for cluster, outer in pairwise(tree.chain(home)):
            below.setdefault(outer, {})[cluster] = None
    queue = [-1]
    for level in queue:
        queue += [*below.get(level, ())][: max(0, LEVELS - len(queue))]
    levels: dict[int, list[Item]] = {level: [] for level in queue}
    inside: dict[int, list[int]] = {}  # cluster at these levels → its nodes
    heads = frozenset(path.partition(".")[0] for path in modules)
    around: dict[int, list[list[int]]] = {}  # home → the lists of the clusters that it is in
    for node, home in enumerate(tree.home):
        if home not in around:
            chain = [cluster for cluster, outer in pairwise(tree.chain(home)) if outer in levels]
            for cluster in chain:
                if cluster not in inside:
                    inside[cluster] = []
                    levels[tree.parent[cluster]].append(("cluster", cluster))
            around[home] = [inside[cluster] for cluster in chain]
        for members in around[home]:
            members.append(node)
        if home in levels:
            levels[home].append((_bundle(graph, node, heads), node))
    edges = _edges(graph, tree, levels.keys())
    for level, items in levels.items():
        shape = {which: _shape(graph, tree, which, inside[which]) for kind, which in items if kind == "cluster"}
        _fold_level(tree, level, items, edges[level], shape)


def _bundle(graph: Graph, node: int, heads: frozenset[str]) -> str:
    """What a node is when it is folded with others: a leaf that is named after a module is a weight."""
    if graph.kinds[node] == "op":
        return "op"
    head, dot, _ = graph.labels[node].partition(".")
    return "weight" if dot and head in heads else "leaf"


def _edges(graph: Graph, tree: Tree, levels: Set[int]) -> dict[int, set[tuple[Item, Item]]]:
    """For each of these clusters, and -1, the edges between the nodes and clusters directly inside."""
    found: dict[int, set[tuple[Item, Item]]] = {level: set() for level in levels}
    sources = np.array([*chain.from_iterable(graph.operands)], dtype=np.int64)
    targets = np.repeat(np.arange(len(tree.home)), [*map(len, graph.operands)])
    home, count = np.array(tree.home, dtype=np.int64), len(tree.path) + 1
    pairs, pair_of = np.unique((home[sources] + 1) * count + home[targets] + 1, return_inverse=True)
    chains = {h: tree.chain(h) for h in {*tree.home}}
    ends: list[tuple[int, int, int] | None] = []  # of a pair of homes: where they meet, and the clusters there or -1
    for out, into in zip((pairs // count - 1).tolist(), (pairs % count - 1).tolist(), strict=True):
        one, other = chains[out], chains[into]
        level = next(cluster for cluster in one if cluster in other)
        below, above = (x[x.index(level) - 1] if x[0] != level else -1 for x in (one, other))
        if level in levels and below >= 0 and above >= 0:
            found[level].add((("cluster", below), ("cluster", above)))
        ends.append((level, below, above) if level in levels and (below < 0 or above < 0) else None)
    among_nodes = np.array([end is not None for end in ends], dtype=bool)[pair_of]
    for source, target, pair in zip(*(x[among_nodes].tolist() for x in (sources, targets, pair_of)), strict=True):
        level, below, above = ends[pair] or (-1, -1, -1)
        one_end = ("cluster", below) if below >= 0 else ("node", source)
        other_end = ("cluster", above) if above >= 0 else ("node", target)
        found[level].add((one_end, other_end))
    return found


def _shape(graph: Graph, tree: Tree, cluster: int, nodes: list[int]) -> Hashable:
    """Equal for clusters with the same operations in the same places, whose paths differ in numbers only."""
    length = len(tree.path[cluster])
    return re.sub(r"\d+", "#", tree.path[cluster]), tuple(
        [(graph.paths[node][length:], graph.names[node]) for node in nodes if graph.kinds[node] == "op"]
    )


def _fold_level(
    tree: Tree, level: int, items: list[Item], named: set[tuple[Item, Item]], shape: dict[int, Hashable]
) -> None:
    many = {kind: sum(other == kind for other, _ in items) > LOOSE for kind in BUNDLES}
    alone: list[Hashable] = list(range(len(items)))
    wanted: list[Hashable] = [
        ("path", tree.path[which]) if kind == "cluster" else kind if many[kind] else place
        for place, (kind, which) in enumerate(items)
    ]
    place = {(kind if kind == "cluster" else "node", which): number for number, (kind, which) in enumerate(items)}
    edges = {(place[source], place[target]) for source, target in named}
    classes = _without_circles(wanted, alone, edges)
    alike = _without_circles(_neighbours(items, classes, shape), classes, edges)
    members: dict[Hashable, list[Item]] = {}
    for item, key in zip(items, alike, strict=True):
        members.setdefault(key, []).append(item)
    for joined in members.values():
        if len(joined) > 1:
            _join(tree, level, joined)


def _join(tree: Tree, level: int, items: list[Item]) -> None:
    kind = items[0][0]
    if kind != "cluster":
        joined = tree.add(BUNDLES[kind], level)
        for _, node in items:
            tree.home[node] = joined
        return
    paths = list(dict.fromkeys(tree.path[which] for _, which in items))
    joined = tree.add(paths[0] if len(paths) == 1 else f"{paths[0]} … {paths[-1]}", level, len(items))
    for _, which in items:
        tree.parent[which] = joined


def choose(
    tree: Tree, depth: int | str, *, folded: bool, most: int = OPENED
) -> tuple[dict[int, int], set[int], list[int]]:
    """(groups in the scene, numbered from the outside in; those whose contents are in it, and -1; those drawn closed).

    most  cards of a folded graph that depth="auto" shows
    """
    inside: dict[int, list[Item]] = {}
    for cluster, parent in enumerate(tree.parent):
        inside.setdefault(parent, []).append(("cluster", cluster))
    for node, home in enumerate(tree.home):
        inside.setdefault(home, []).append(("node", node))
    kept, whole = _kept(tree, inside, KEPT if folded else len(tree.home) + len(tree.path))
    deep = {-1: -1}
    for cluster in kept:
        deep[cluster] = deep[tree.parent[cluster]] + 1
    if depth != "auto":
        return kept, whole, [c for c in kept if c not in whole or deep[c] >= int(depth)]
    opened = _opened(tree, inside, {c: deep[c] for c in kept if c in whole}, most) if folded else kept.keys()
    return kept, whole, [c for c in kept if c not in opened]


def _kept(tree: Tree, inside: dict[int, list[Item]], room: int) -> tuple[dict[int, int], set[int]]:
    """(clusters in the scene, numbered from the outside in; those whose contents are too, of which there is `room` for so
    many). Of the calls that one card stands for, the contents of all are there or of none."""
    kept: dict[int, int] = {}
    whole: set[int] = set()
    fits: dict[int, bool] = {}
    queue = [-1]
    for cluster in queue:
        items = inside.get(cluster, [])
        around = tree.parent[cluster] if cluster >= 0 else -1
        if around >= 0 and tree.times[around] > 1 and around not in fits:
            calls = [which for kind, which in inside[around] if kind == "cluster"]
            fits[around] = sum(len(inside.get(which, ())) for which in calls) <= room
        if cluster >= 0 and (len(items) > room or not fits.get(around, True)):
            continue
        whole.add(cluster)
        room -= len(items)
        for kind, which in items:
            if kind == "cluster":
                kept[which] = len(kept)
                queue.append(which)
    return kept, whole


def _opened(tree: Tree, inside: dict[int, list[Item]], deep: dict[int, int], most: int) -> set[int]:
    """Which clusters depth="auto" opens, level by level, up to so many cards; `deep`: the levels of those that can be."""
    shown, opened = len(inside.get(-1, [])), {-1}
    single = [c for c in deep if tree.times[c] == 1 and tree.path[c] not in BUNDLES.values()]
    for level in range(max(deep.values(), default=-1) + 1):
        more = [c for c in single if deep[c] == level and tree.parent[c] in opened]
        added = sum(len(inside[c]) - 1 for c in more)
        if shown + added > most:
            break
        shown += added
        opened.update(more)
    return opened


def _without_circles(
    wanted: Sequence[Hashable], finer: Sequence[Hashable], edges: set[tuple[int, int]]
) -> list[Hashable]:
    """The classes that are wanted, except that those on a circle are split into the finer ones."""
    classes = list(wanted)
    while True:
        circle = _on_circles({(classes[s], classes[t]) for s, t in edges if classes[s] != classes[t]})
        split = [place for place, key in enumerate(classes) if key in circle and key != finer[place]]
        if not split:
            return classes
        for place in split:
            classes[place] = finer[place]


def _on_circles(edges: set[tuple[Hashable, Hashable]]) -> set[Hashable]:
    """What is left after taking away, again and again, whatever has nothing before it or nothing after it."""
    left = {end for edge in edges for end in edge}
    for turned in (False, True):
        following: dict[Hashable, list[Hashable]] = {}
        waiting = dict.fromkeys(left, 0)
        for source, target in edges:
            if source in left and target in left:
                one, other = (target, source) if turned else (source, target)
                following.setdefault(one, []).append(other)
                waiting[other] += 1
        ready = [end for end, count in waiting.items() if not count]
        for end in ready:
            for other in following.get(end, ()):
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
        left -= set(ready)
    return left


def _neighbours(items: list[Item], classes: list[Hashable], shape: dict[int, Hashable]) -> list[Hashable]:
    """Classes in which clusters that follow each other, with no operation between, and have one shape are one."""
    wanted = list(classes)
    sizes: dict[Hashable, int] = {}
    for key in classes:
        sizes[key] = sizes.get(key, 0) + 1
    previous = -1
    for place, (kind, which) in enumerate(items):
        if kind == "op":
            previous = -1
        elif kind == "cluster" and sizes[classes[place]] == 1:
            if previous >= 0 and shape[items[previous][1]] == shape[which]:
                wanted[place] = wanted[previous]
            previous = place
    return wanted
