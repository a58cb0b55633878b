"""A model: an ensemble of networks with their head, scaling and names, and how it is asked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rootzone.core.errors import DataError
from rootzone.learn.distributions import Transformed
from rootzone.learn.heads import Head
from rootzone.learn.mixtures import pool
from rootzone.learn.network import Network
from rootzone.learn.scaling import Scaling
from rootzone.learn.sequences import Sequences


def over_members(call: Callable, each: tuple) -> Any:
    """Return the results of a call for every member: one after the other on a CPU.

    A CPU gains nothing from members computed together and its cache would lose; an accelerator
    gains. One after the other, a member's numbers are the same to the bit however many there are.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda part: call(*part), each)
    return jax.vmap(call)(*each)


class Names(NamedTuple):
    """What the columns of inputs, attributes and targets are."""

    inputs: tuple[str, ...]
    static: tuple[str, ...]
    targets: tuple[str, ...]


class Prepared(NamedTuple):
    """Data in the network's scale, on the device."""

    inputs: jax.Array
    target: jax.Array
    static: jax.Array | None
    upper: jax.Array | None


class Model(eqx.Module):
    """Networks trained side by side, one for each seed, that answer as one distribution.

    Attributes
    ----------
    network : Network
        Its arrays have the member as first axis.
    head : Head
        What the raw outputs mean.
    scaling : Scaling
        Learned on the training part.
    names : Names
        Of the columns.
    """

    network: Network
    head: Head
    scaling: Scaling
    names: Names = eqx.field(static=True)

    @classmethod
    def start(
        cls,
        build: Callable[[jax.Array], Network],
        head: Head,
        data: Sequences,
        names: Names,
        *,
        members: int = 1,
        seed: int = 0,
        bounded: bool = False,
    ) -> "Model":
        """Return an untrained model in float32.

        Parameters
        ----------
        build : callable
            Makes a network from a PRNG key, such as a preset.
        head : Head
            Head of the network.
        data : Sequences
            The training part, for the scaling.
        names : Names
            Of the columns of the data.
        members : int
            Number of networks; member 3 is the same however many there are.
        seed : int
            Randomness.
        bounded : bool
            Whether targets lie between zero and the upper bounds given with the data.

        Raises
        ------
        DataError
            If names and data do not fit, or see :meth:`Scaling.fit`.
        """
        data = data.checked()
        _check_names(names, data)
        key = jax.random.key(seed)
        keys = [jax.random.fold_in(key, m) for m in range(members)]
        make = eqx.filter_jit(build)
        networks = [make(k) for k in keys]
        network = jax.tree.map(lambda *leaves: jnp.stack(leaves).astype(jnp.float32), *networks)
        return cls(network, head, Scaling.fit(data, bounded=bounded), names)

    @property
    def members(self) -> int:
        """Return the number of networks."""
        return self.network.readout.shape[0]

    def take(self, members: slice | np.ndarray) -> "Model":
        """Return a model of some of the members."""
        network = jax.tree.map(lambda leaf: leaf[members], self.network)
        return eqx.tree_at(lambda m: m.network, self, network)

    def prepare(self, data: Sequences) -> Prepared:
        """Return data in the network's scale.

        Raises
        ------
        DataError
            If the columns are not those of the model, or an input is missing that may not be.
        """
        data = data.checked()
        _check_names(self.names, data)
        inputs = np.asarray(self.scaling.inputs.apply(data.inputs), "f4")
        if self.network.embed.needs_all and np.isnan(inputs[data.used]).any():
            n = int(np.isnan(inputs[data.used]).any(axis=1).sum())
            raise DataError(
                f"{n} steps miss an input and the network has no way to go without it: take a "
                "MaskedMean embedding, leave such blocks out, or fill the gaps yourself"
            )
        static = None
        if self.network.embed_static is not None:
            if data.static is None or self.scaling.static is None:
                raise DataError("the model wants attributes: give 'static', NaN where unknown")
            static = np.asarray(self.scaling.static.apply(data.static), "f4")
            if self.network.embed_static.needs_all and np.isnan(static).any():
                raise DataError("an attribute is missing and the network cannot go without it")
        self.scaling.transform(None if data.upper is None else jnp.ones(1))  # bounds given?
        return Prepared(
            jnp.asarray(inputs),
            jnp.asarray(data.replicated_target),
            None if static is None else jnp.asarray(static),
            None if data.upper is None else jnp.asarray(data.upper),
        )

    def distribution(self, raw: jax.Array, upper: jax.Array | None = None) -> Transformed:
        """Return the distribution of raw outputs (..., target, size), in the target's unit.

        Parameters
        ----------
        raw : array (..., batch, target, size)
            Raw outputs of one member.
        upper : array (batch, target), optional
            Upper bounds.
        """
        return Transformed(self.head.distribution(raw), self.scaling.transform(upper))

    def pooled(self, raw: jax.Array, upper: jax.Array | None = None) -> Transformed:
        """Return the equal-weight mixture of all members of raw outputs (member, ...)."""
        return Transformed(pool(self.head.distribution(raw)), self.scaling.transform(upper))

    def out_of_range(self, data: Sequences, margin: float = 0.05) -> dict[str, float]:
        """Return inputs and attributes outside the training range: name and share of values.

        Parameters
        ----------
        data : Sequences
            What the model is asked.
        margin : float
            Tolerance on both sides, as a share of the range.
        """
        found = zip(
            self.names.inputs, self.scaling.inputs.share_outside(data.inputs, margin), strict=True
        )
        shares = dict(found)
        if data.static is not None and self.scaling.static is not None:
            outside = self.scaling.static.share_outside(data.static, margin)
            shares |= dict(zip(self.names.static, outside, strict=True))
        return {name: float(share) for name, share in shares.items() if share > 0}


def _check_names(names: Names, data: Sequences) -> None:
    widths = (
        ("inputs", len(names.inputs), data.inputs.shape[-1]),
        ("static", len(names.static), 0 if data.static is None else data.static.shape[-1]),
        ("targets", len(names.targets), data.target.shape[2]),
    )
    for what, wanted, given in widths:
        if wanted != given:
            raise DataError(f"the data have {given} columns of '{what}', the model {wanted}")
