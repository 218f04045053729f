"""The configuration of a run: what a file, `--set` and flags say, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, Literal

import attrs

from ectrain.errors import ConfigError
from ectrain.schedule import Schedule
from ectrain.structure import between, plain, structured, toml_tables

positive = between(0, above=True)
not_negative = between(0)


@attrs.frozen
class TrunkConfig:
    """Shape of the trunk.

    Attributes:
        layers: Blocks.
        width: Size of a token's vector.
        heads: Attention heads; `width / heads` is the head size, an even number.
        kv_heads: Heads of keys and values; divides `heads`.
        ffn: Width inside a feed-forward layer.
        context: Most tokens of a segment.
        rope_base: Base of the rotary frequencies.
        norm_eps: Added to the mean square, against division by zero.
    """

    layers: int = attrs.field(default=4, validator=positive)
    width: int = attrs.field(default=128, validator=positive)
    heads: int = attrs.field(default=2, validator=positive)
    kv_heads: int = attrs.field(default=2, validator=positive)
    ffn: int = attrs.field(default=352, validator=positive)
    context: int = attrs.field(default=512, validator=positive)
    rope_base: float = attrs.field(default=10_000.0, validator=positive)
    norm_eps: float = attrs.field(default=1e-6, validator=positive)

    def __attrs_post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ConfigError(
                f"width {self.width} does not give {self.heads} heads of an even size; "
                f"expected a multiple of {2 * self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ConfigError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")


Size = Literal["tiny", "small", "base", "full"]

SIZES: dict[str, TrunkConfig] = {
    "tiny": TrunkConfig(),
    "small": TrunkConfig(layers=6, width=256, heads=4, kv_heads=4, ffn=688, context=1024),
    "base": TrunkConfig(layers=12, width=768, heads=12, kv_heads=12, ffn=2560, context=2048),
    "full": TrunkConfig(layers=24, width=1024, heads=16, kv_heads=16, ffn=2816, context=4096),
}

# Narrower trunks take larger steps: about 1 / width, as in Yang et al., Tensor programs V (2022).
RATES: dict[str, float] = {"tiny": 3e-3, "small": 1.5e-3, "base": 6e-4, "full": 3e-4}


@attrs.frozen
class StepConfig:
    """What one optimizer step takes.

    Attributes:
        examples: Examples of a step, over all tasks, micro-batches and processes.
        max_tokens: Most tokens of one pass of the trunk; a step takes as many passes as it needs.
    """

    examples: int = attrs.field(default=64, validator=positive)
    max_tokens: int = attrs.field(default=8192, validator=positive)


_shares = attrs.validators.deep_iterable(between(0, 1, below=True))


@attrs.frozen
class OptimizerConfig:
    """The optimizer and its schedule.

    Attributes:
        name: "adamw"; `ectrain plugins list` names the others.
        settings: Its own, beside these.
        rate: Highest learning rate; where none is given, one that fits the size.
        betas: Decay of the two moments.
        weight_decay: On matrices alone; norms, biases and the embedding have none.
        clip: Most norm of the gradient.
        warmup: Steps of linear warm-up, at most a tenth of the run.
        schedule: "cosine", or "wsd" (stable, then a linear fall over the last fifth).
        final_share: Share of the rate that is left at the end.
        scale_losses: Divide each task's loss by that of a guess. "auto" does for balancers, which
            compare losses; with fixed weights it would let the gradients of tasks with labels, a
            guess at which costs little, drown those of tasks that write.
    """

    name: str = "adamw"
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    rate: float = attrs.field(default=RATES["tiny"], validator=positive)
    betas: tuple[float, float] = attrs.field(default=(0.9, 0.999), validator=_shares)
    weight_decay: float = attrs.field(default=0.01, validator=not_negative)
    clip: float = attrs.field(default=1.0, validator=positive)
    warmup: int = attrs.field(default=2000, validator=not_negative)
    schedule: Schedule = "cosine"
    final_share: float = attrs.field(default=0.1, validator=between(0, 1))
    scale_losses: Literal["auto", "on", "off"] = "auto"


@attrs.frozen
class BalancerConfig:
    """What decides how much each task's loss counts, beside the curriculum's weights.

    Attributes:
        name: "fixed" leaves it to the curriculum; `ectrain plugins list` names the others.
        settings: The balancer's own.
        cosines_every: Steps between two measurements of the cosine between tasks' gradients; 0 for
            none. Each costs a backward pass a task, and changes nothing that is learned.
    """

    name: str = "fixed"
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    cosines_every: int = attrs.field(default=0, validator=not_negative)


@attrs.frozen
class EvaluationConfig:
    """How held-out data is measured.

    Attributes:
        examples: Most validation examples of a task after an epoch; 0 for all of them.
        execute_every: Epochs between validations by generating and executing; 0 for none.
        budget_examples: Most examples to generate for and execute at a time.
        budget_seconds: Time after which such an evaluation takes no new example.
    """

    examples: int = attrs.field(default=256, validator=not_negative)
    execute_every: int = attrs.field(default=0, validator=not_negative)
    budget_examples: int = attrs.field(default=64, validator=positive)
    budget_seconds: float = attrs.field(default=60.0, validator=positive)


@attrs.frozen
class CheckpointConfig:
    """When the run is saved, and what is kept.

    Attributes:
        every_epochs: Epochs between checkpoints.
        every_minutes: Minutes between checkpoints inside an epoch; 0 for none.
        keep_best: Checkpoints with the lowest validation loss that are kept.
        keep_last: Newest checkpoints that are kept.
    """

    every_epochs: int = attrs.field(default=1, validator=positive)
    every_minutes: float = attrs.field(default=10.0, validator=not_negative)
    keep_best: int = attrs.field(default=3, validator=positive)
    keep_last: int = attrs.field(default=2, validator=positive)


@attrs.frozen
class DeviceConfig:
    """Where the run computes.

    Attributes:
        name: "auto" takes a GPU if there is one; else as torch names it.
        dtype: "auto" is bfloat16 where the device computes it in hardware.
        threads: Threads of the processor; 0 leaves it to torch.
        keep_memory: Keep freed memory in the process (Linux, CPU): faster, at its peak size.
        compile: Compile the trunk's layers: a tenth faster after half a minute. "auto" does where
            there is a compiler and the run is long enough to gain by it.
    """

    name: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: int = attrs.field(default=0, validator=not_negative)
    keep_memory: bool = True
    compile: Literal["auto", "on", "off"] = "auto"


@attrs.frozen
class TokenizerConfig:
    """The tokenizer that a run trains on its training split.

    Attributes:
        size: Tokens that it may have, control tokens and symbols included.
    """

    size: int = attrs.field(default=4096, validator=between(300))


@attrs.frozen
class RunConfig:
    """Everything that a run depends on.

    Attributes:
        tasks: Settings of each task, by name; a task without settings has an empty table.
        seed: Of weights, order and every example's own randomness.
        data: Folder or file handed to every task that reads one.
        size: Preset of the trunk's shape and the learning rate, where they are not given.
        curriculum: Name or TOML file of the phases.
        scale: Stretch of every phase.
        init: Run directory whose best weights a new run begins with, by name; "" for none.
        log_seconds: Most seconds between two logged steps.
    """

    tasks: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    seed: int = 0
    data: str = ""
    size: Size = "tiny"
    trunk: TrunkConfig = attrs.field(factory=TrunkConfig)
    step: StepConfig = attrs.field(factory=StepConfig)
    optimizer: OptimizerConfig = attrs.field(factory=OptimizerConfig)
    balancer: BalancerConfig = attrs.field(factory=BalancerConfig)
    curriculum: str = "default"
    scale: float = attrs.field(default=1.0, validator=positive)
    init: str = ""
    evaluation: EvaluationConfig = attrs.field(factory=EvaluationConfig)
    checkpoints: CheckpointConfig = attrs.field(factory=CheckpointConfig)
    device: DeviceConfig = attrs.field(factory=DeviceConfig)
    tokenizer: TokenizerConfig = attrs.field(factory=TokenizerConfig)
    log_seconds: float = attrs.field(default=2.0, validator=not_negative)


def load_config(
    path: Path | None,
    overrides: Sequence[str] = (),
    tasks: Sequence[str] | None = None,
    size: str | None = None,
) -> RunConfig:
    """Return the configuration that a file, overrides and flags make; later ones win.

    Args:
        path: TOML file, or None for defaults.
        overrides: "key.of.setting=value" with a TOML value; a bare word is a string.
        tasks: Names of the tasks; else those that have a table in the file.
        size: Preset of the trunk.

    Raises:
        ConfigError: A key or value that cannot be used; all of them are named.
    """
    data = _read(path) if path is not None else {}
    if size is not None:
        data["size"] = size
    chosen = data.get("tasks", {})
    if tasks is not None and isinstance(chosen, dict):
        data["tasks"] = {name: chosen.get(name, {}) for name in tasks}
    for override in overrides:
        _set(data, override)
    place = str(path) if path is not None else "settings"
    config = _with_preset(data, place)
    if not config.tasks:
        raise ConfigError("no task was named; write --tasks NAME, or a table [tasks.NAME]")
    if tasks is not None:
        strangers = sorted(set(config.tasks) - set(tasks))
        if strangers:
            raise ConfigError(f"--set names task {strangers[0]!r}, which is not in --tasks")
    return config


def _with_preset(data: dict[str, Any], place: str) -> RunConfig:
    """Structure the data, what the size stands for under its own keys."""
    size = data.get("size", "tiny")
    if isinstance(size, str) and size in SIZES:
        presets = {"trunk": plain(SIZES[size]), "optimizer": {"rate": RATES[size]}}
        for table, preset in presets.items():
            if isinstance(data.get(table, {}), dict):
                data = {**data, table: {**preset, **data.get(table, {})}}
    return structured(data, RunConfig, place)


def to_dict(config: RunConfig) -> dict[str, Any]:
    """Return the configuration as JSON has it."""
    found: dict[str, Any] = plain(config)
    return found


def from_dict(data: Mapping[str, Any]) -> RunConfig:
    """Return the configuration that `to_dict` gave.

    Raises:
        ConfigError: It is another version's, or damaged.
    """
    return structured(data, RunConfig, "stored configuration")


def _read(path: Path) -> dict[str, Any]:
    try:
        return toml_tables(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error


def _set(data: dict[str, Any], override: str) -> None:
    key, sign, text = override.partition("=")
    *folders, name = key.strip().split(".")
    if not sign or not name or not all(folders):
        raise ConfigError(f"--set {override!r} is not KEY=VALUE")
    for folder in folders:
        inner = data.setdefault(folder, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override!r}: {folder!r} is a value, not a table")
        data = inner
    data[name] = _value(text.strip())


def _value(text: str) -> Any:
    """Return the TOML value that a text is, else the text; dates are texts, too."""
    try:
        found = toml_tables(f"value = {text}")
    except ValueError:
        return text
    value = found.pop("value")
    return text if found or isinstance(value, date | time) else value
