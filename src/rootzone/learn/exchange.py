"""Models and trainings as plain arrays with a description, for files of any kind; no pickle.

The data layer writes both (arrays as npz or safetensors, the description as JSON). The format
carries a version; what does not fit is told in one sentence.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import DataError, nearest
from rootzone.learn.heads import (
    AsymmetricLaplaceMixture,
    Gaussian,
    GaussianMixture,
    Head,
    Regression,
    SensorEffect,
)
from rootzone.learn.model import Model, Names
from rootzone.learn.network import Direct, Embedding, MaskedMean, Network
from rootzone.learn.scaling import Scaling, Standard

FORMAT, VERSION = "rootzone network", 1

_HEADS: dict[str, type] = {
    "regression": Regression,
    "gaussian": Gaussian,
    "gaussian mixture": GaussianMixture,
    "asymmetric laplace mixture": AsymmetricLaplaceMixture,
    "sensor effect": SensorEffect,
}
_HEAD_FIELDS = ("components", "spread", "noise")


def arrays_of(tree: Any) -> dict[str, np.ndarray]:
    """Return the leaves of a pytree by name, such as ``.network.lstm.w_h``."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def fill(template: Any, arrays: dict[str, np.ndarray], what: str = "the stored weights") -> Any:
    """Return a pytree like the template with leaves of these names.

    Raises
    ------
    DataError
        If names or shapes are not those of the template.
    """
    paths, tree = jax.tree_util.tree_flatten_with_path(template)
    wanted = {jax.tree_util.keystr(path): tuple(leaf.shape) for path, leaf in paths}
    missing, extra = sorted(set(wanted) - set(arrays)), sorted(set(arrays) - set(wanted))
    if missing or extra:
        parts = [f"miss {', '.join(missing[:3])}"] if missing else []
        parts += [f"hold the unknown {', '.join(extra[:3])}"] if extra else []
        raise DataError(f"{what} {' and '.join(parts)}: they belong to another model")
    leaves = []
    for name, shape in wanted.items():
        leaf = np.asarray(arrays[name])
        if leaf.shape != shape:
            raise DataError(f"{what} have {name} of shape {leaf.shape}, the model wants {shape}")
        if leaf.dtype.kind not in "fiu":
            raise DataError(f"{what} have {name} of type {leaf.dtype}, numbers wanted")
        leaves.append(leaf)
    return jax.tree_util.tree_unflatten(tree, leaves)


# --- models ------------------------------------------------------------------------------


def _embedding_words(embedding: Embedding | None) -> dict | None:
    if embedding is None:
        return None
    if isinstance(embedding, MaskedMean):
        groups = [list(group) for group in embedding.groups]
        return {
            "kind": "masked mean",
            "groups": groups,
            "width": embedding.width,
            "drop": embedding.drop,
            "noise": list(embedding.noise),
        }
    return {"kind": "direct", "inputs": embedding.width}


def describe(model: Model) -> dict[str, Any]:
    """Return what the arrays of a model do not say, as JSON-able words and numbers."""
    network = model.network
    head = next(name for name, kind in _HEADS.items() if type(model.head) is kind)
    fields = {f: getattr(model.head, f) for f in _HEAD_FIELDS if hasattr(model.head, f)}
    return {
        "format": FORMAT,
        "version": VERSION,
        "names": {k: list(v) for k, v in model.names._asdict().items()},
        "members": model.members,
        "hidden": network.lstm.hidden,
        "dropout": network.dropout,
        "bottleneck": None if network.bottleneck is None else network.bottleneck.shape[-1],
        "initial_state": network.initial is not None,
        "embed": _embedding_words(network.embed),
        "embed_static": _embedding_words(network.embed_static),
        "head": {"kind": head, **fields},
        "bounded": model.scaling.bounded,
    }


def model_to_arrays(model: Model) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of a model by name and its description."""
    return arrays_of(model), describe(model)


def _embedding(words: dict | None, key: jax.Array) -> Embedding | None:
    if words is None:
        return None
    if words["kind"] == "masked mean":
        groups = tuple(tuple(group) for group in words["groups"])
        rest = {"drop": words["drop"], "noise": words.get("noise", ())}
        return eqx.filter_eval_shape(
            lambda: MaskedMean.start(groups, words["width"], key=key, **rest)
        )
    return Direct(words["inputs"])


def _head(words: dict[str, Any]) -> Head:
    words = dict(words)
    kind = words.pop("kind")
    if kind not in _HEADS:
        raise DataError(f"the stored model has the unknown head '{kind}'{nearest(kind, _HEADS)}")
    if "noise" in words:
        words["noise"] = tuple(words["noise"])
    return _HEADS[kind](**words)


def _template(words: dict[str, Any]) -> Model:
    """Return a model of the described shape, with shapes in the place of weights."""
    names = Names(*(tuple(words["names"][k]) for k in Names._fields))
    head, key, members = _head(words["head"]), jax.random.key(0), words["members"]
    n_targets = len(names.targets)
    embed = _embedding(words["embed"], key)
    if embed is None:
        raise DataError("the stored model does not say how its inputs enter")
    network = eqx.filter_eval_shape(
        Network.start,
        embed,
        hidden=words["hidden"],
        targets=n_targets,
        size=head.size,
        key=key,
        embed_static=_embedding(words["embed_static"], key),
        initial_state=words["initial_state"],
        dropout=words["dropout"],
        bottleneck=words.get("bottleneck"),
    )
    widen = lambda leaf: jax.ShapeDtypeStruct((members, *leaf.shape), "f4")  # noqa: E731
    network = jax.tree.map(widen, network)
    column = lambda n: Standard(*[np.zeros(n, "f4")] * 4)  # noqa: E731
    static = column(len(names.static)) if names.static else None
    zeros = np.zeros(n_targets, "f4")
    scaling = Scaling(column(len(names.inputs)), static, zeros, zeros, words["bounded"])
    return Model(network, head, scaling, names)


def model_from_arrays(arrays: dict[str, np.ndarray], description: dict[str, Any]) -> Model:
    """Return the model of arrays and description.

    Raises
    ------
    DataError
        If the format, its version, the names or the shapes are not what this program knows.
    """
    kind, version = description.get("format"), description.get("version")
    if kind != FORMAT:
        raise DataError(f"the stored model is of format '{kind}', '{FORMAT}' wanted")
    if version != VERSION:
        raise DataError(
            f"the stored model has version {version} of its format, this program reads version "
            f"{VERSION}: train it again, or use the program that it came with"
        )
    try:
        template = _template(description)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the description of the stored model is incomplete: {error!r}") from error
    model = fill(template, arrays)
    network = jax.tree.map(lambda leaf: jnp.asarray(leaf, "f4"), model.network)
    return eqx.tree_at(lambda m: m.network, model, network)
