"""The model: the shared trunk with one head for each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ectrain.config import TrunkConfig
from ectrain.errors import CheckpointError, PluginError
from ectrain.order import keyed_random
from ectrain.packing import Pack
from ectrain.plugins import blame
from ectrain.task import Rows, Task, TrunkShape
from ectrain.tokenizer import Tokenizer
from ectrain.trunk import Trunk

AnyTask = Task[Any, Any]


class Model(nn.Module):
    """The trunk and every task's head.

    A head's first weights depend on the seed and its task's name alone, so another task in the
    run changes nothing for it.

    `origin` holds the weights, by name and on the CPU, with which a task first made data of its
    own, where one asks for them (`Task.keeps_origin`); else it is empty.

    `choices` holds what each task chose on validation data for using these weights, by its name;
    `init` is the run that training began with, "" for none.

    Args:
        config: Shape of the trunk.
        tasks: Tasks by name.
        tokenizer: What its tokens mean.
        seed: Of the first weights.
    """

    def __init__(
        self, config: TrunkConfig, tasks: Mapping[str, AnyTask], tokenizer: Tokenizer, seed: int
    ) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.origin: Mapping[str, Tensor] = {}
        self.tokenizer = tokenizer
        self.seed = seed
        self.init = ""
        self.choices: Mapping[str, Mapping[str, Any]] = {}
        with torch.random.fork_rng(devices=[]):
            self.trunk = Trunk(config, tokenizer.size)
        self.trunk.initialize(torch.Generator().manual_seed(_seed(seed, "trunk")))
        self.heads = nn.ModuleDict()
        shape = TrunkShape(config.width, tokenizer.size)
        for name, task in self.tasks.items():
            with torch.random.fork_rng(devices=[]), blame(name, "head"):
                torch.manual_seed(_seed(seed, f"head/{name}"))
                head = task.head(shape)
                if not isinstance(head, nn.Module):
                    raise PluginError(f"task {name}: head is {head!r}, expected a torch module")
                self.heads[name] = head

    def forward(self, pack: Pack) -> dict[str, Any]:
        """Return each head's output for the tasks of a pack; the trunk runs once."""
        found = {}
        for name, rows in self.rows(pack).items():
            with blame(name, "head"):
                found[name] = self.heads[name](rows)
        return found

    def rows(self, pack: Pack) -> dict[str, Rows]:
        """Return what each task's head sees of a pack; the trunk runs once."""
        trunk_td = self.trunk(pack)
        return {
            name: Rows(
                trunk_td,
                placed.index_n,
                placed.lengths_s,
                placed.target_index_m,
                self.trunk.embedding.weight,
                self.borrowed(name),
            )
            for name, placed in pack.tasks.items()
        }

    def borrowed(self, task: str) -> nn.Module | None:
        """Return the head that a task's head acts through, None where there is none."""
        other = self.tasks[task].borrows()
        return self.heads[other] if other != task and other in self.heads else None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.trunk.embedding.weight.device

    def parameter_counts(self) -> dict[str, Any]:
        """Return how many weights there are: trunk, each head, total, trainable; shared once."""

        def count(module: nn.Module) -> int:
            return sum(p.numel() for p in module.parameters())

        return {
            "trunk": count(self.trunk),
            "heads": {name: count(head) for name, head in self.heads.items()},
            "total": count(self),
            "trainable": sum(p.numel() for p in self.parameters() if p.requires_grad),
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the weights of a checkpoint.

        Raises:
            CheckpointError: Names or shapes differ; the first few are named.
        """
        own = self.state_dict()
        odd = [f"{n} is missing" for n in own if n not in tensors]
        odd += [f"{n} is unknown" for n in tensors if n not in own]
        odd += [
            f"{n} has shape {list(tensors[n].shape)}, expected {list(x.shape)}"
            for n, x in own.items()
            if n in tensors and tensors[n].shape != x.shape
        ]
        if odd:
            more = f" and {len(odd) - 5} more" if len(odd) > 5 else ""
            raise CheckpointError(f"the weights don't fit: {'; '.join(odd[:5])}{more}")
        self.load_state_dict(dict(tensors))
        self.choices = {}


def _seed(seed: int, name: str) -> int:
    return keyed_random(seed, name).getrandbits(63)


def load_model(run: Path, warn: Callable[[str], None] = lambda message: None) -> Model:
    """Return the best model of a run directory, for evaluation and generation.

    Args:
        run: The run directory.
        warn: Called with a sentence for each checkpoint that is passed over.

    Raises:
        CheckpointError: No checkpoint verifies, or it doesn't fit what is installed.
        UnknownTaskError: A task's plugin is not installed any more.
    """
    from ectrain.checkpoint import Checkpoints, no_checkpoint
    from ectrain.config import from_dict
    from ectrain.data import make_tasks

    passed_over: list[str] = []
    checkpoints = Checkpoints(run / "checkpoints", warn=passed_over.append)
    loaded = checkpoints.best()
    if loaded is None:
        raise no_checkpoint(checkpoints.directory, passed_over)
    for message in dict.fromkeys(passed_over):
        warn(message)
    config = from_dict(loaded.document("config"))
    tokenizer = Tokenizer.from_json(loaded.tokenizer, str(loaded.entry.path / "tokenizer.json"))
    check_fingerprint(tokenizer, loaded.document("state"), loaded.entry.path)
    model = Model(config.trunk, make_tasks(config), tokenizer, config.seed)
    model.restore(loaded.tensors("model"))
    model.origin = loaded.origin
    model.init = config.init
    model.choices = _choices(run / "events.jsonl", loaded.entry.step)
    return model.eval()


def _choices(log: Path, step: int) -> Mapping[str, Mapping[str, Any]]:
    """Return what tasks chose when the weights of a step were measured; none where they weren't."""
    from ectrain.digest import table
    from ectrain.events import read_events

    found: Mapping[str, Mapping[str, Any]] = {}
    for event in read_events(log) if log.is_file() else ():
        if event.get("event") == "evaluated" and event.get("step") == step:
            found = {n: table(c) for n, c in table(event.get("choices")).items()} or found
    return found


def check_fingerprint(tokenizer: Tokenizer, state: Mapping[str, Any], path: Path) -> None:
    """Refuse a tokenizer whose ids mean something else than those the weights learned.

    Raises:
        CheckpointError: The fingerprints differ; both are named.
    """
    expected = str(state.get("tokenizer"))
    if tokenizer.fingerprint != expected:
        raise CheckpointError(
            f"{path}: its weights were trained with tokenizer {expected[:12]}, "
            f"found tokenizer {tokenizer.fingerprint[:12]}"
        )
