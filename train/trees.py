"""Boosted trees of scikit-learn to the files that are shipped: safetensors and ONNX.

The columns are whole numbers, so every threshold is put half-way to the next one: exact in 32 bits, whoever compares.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from safetensors.numpy import save_file
from sklearn.ensemble import HistGradientBoostingClassifier

from safepickle_dl.features import DIGEST, NAMES

Tensors = dict[str, npt.NDArray[np.float32]]


def nodes_of(model: HistGradientBoostingClassifier) -> list[npt.NDArray[np.void]]:
    """Return the nodes of each tree, as scikit-learn keeps them."""
    return [tree.nodes for (tree,) in model._predictors]


def flat_trees(model: HistGradientBoostingClassifier) -> Tensors:
    """Return what `runtime.trees` reads: the nodes of all trees, breadth first, so that siblings are neighbours."""
    feature, threshold, left, value, root = [], [], [], [], []
    for nodes in nodes_of(model):
        root.append(len(feature))
        queue = [0]
        for at in queue:
            node = nodes[at]
            place = len(feature)
            feature.append(0 if node["is_leaf"] else node["feature_idx"])
            threshold.append(np.inf if node["is_leaf"] else np.floor(node["num_threshold"]) + 0.5)
            left.append(place if node["is_leaf"] else root[-1] + len(queue))
            value.append(node["value"] if node["is_leaf"] else 0)
            if not node["is_leaf"]:
                queue += [int(node["left"]), int(node["right"])]
    arrays = {"feature": feature, "threshold": threshold, "left": left, "value": value, "root": root}
    arrays |= {"base": [model._baseline_prediction.item()], "digest": [DIGEST], "n_columns": [len(NAMES)]}
    return {name: np.array(values, np.float32) for name, values in arrays.items()}


def write_trees(trees: Tensors, path: Path) -> None:
    """Write `trees` as safetensors."""
    save_file(trees, path)


def write_onnx(trees: Tensors, path: Path) -> None:
    """Write `trees` as ONNX: `columns` (b, c) float32, as `safepickle_dl.features` computes them, to `logit` (b,)."""
    left, root = trees["left"].astype(int), trees["root"].astype(int)
    index = np.arange(len(left))
    tree = np.searchsorted(root, index, side="right") - 1
    is_leaf = left == index
    local = index - root[tree]
    target = np.where(is_leaf, 0, left - root[tree])
    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["columns"],
        ["logits"],
        domain="ai.onnx.ml",
        n_targets=1,
        base_values=trees["base"].tolist(),
        nodes_treeids=tree.tolist(),
        nodes_nodeids=local.tolist(),
        nodes_featureids=trees["feature"].astype(int).tolist(),
        nodes_values=np.where(is_leaf, 0, trees["threshold"]).tolist(),
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf],
        nodes_truenodeids=target.tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, target + 1).tolist(),
        target_treeids=tree[is_leaf].tolist(),
        target_nodeids=local[is_leaf].tolist(),
        target_ids=[0] * int(is_leaf.sum()),
        target_weights=trees["value"][is_leaf].tolist(),
    )
    graph = helper.make_graph(
        [ensemble, helper.make_node("Squeeze", ["logits", "axes"], ["logit"])],
        "handcrafted",
        [helper.make_tensor_value_info("columns", TensorProto.FLOAT, ["b", len(NAMES)])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["b"])],
        [helper.make_tensor("axes", TensorProto.INT64, [1], [1])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
