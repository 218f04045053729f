"""The configuration of a run: what a file, `--set` and flags say, checked as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs import validators as v

from ectrain.errors import ConfigError
from ectrain.schedule import Schedule
from ectrain.structure import plain, structured

positive: Any = v.gt(0)


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
    heads: int = attrs.field(default=4, validator=positive)
    kv_heads: int = attrs.field(default=2, validator=positive)
    ffn: int = attrs.field(default=352, validator=positive)
    context: int = attrs.field(default=512, validator=positive)
    rope_base: float = attrs.field(default=10_000.0, validator=positive)
    norm_eps: float = attrs.field(default=1e-6, validator=positive)

    def __attrs_post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ConfigError(
                f"trunk.width {self.width} does not give {self.heads} heads of an even size; "
                f"expected a multiple of {2 * self.heads}"
            )
        if self.heads % self.kv_heads:
            raise ConfigError(
                f"trunk.kv_heads {self.kv_heads} does not divide trunk.heads {self.heads}"
            )


SIZES: dict[str, TrunkConfig] = {
    "tiny": TrunkConfig(),
    "small": TrunkConfig(layers=6, width=256, heads=8, kv_heads=8, ffn=688, context=1024),
    "base": TrunkConfig(layers=12, width=768, heads=12, kv_heads=12, ffn=2560, context=2048),
    "full": TrunkConfig(layers=24, width=1024, heads=16, kv_heads=16, ffn=2816, context=4096),
}

Size = Literal["tiny", "small", "base", "full"]


@attrs.frozen
class StepConfig:
    """What one optimizer step takes.

    Attributes:
        examples: Examples of a step, over all tasks, micro-batches and processes.
        max_tokens: Most tokens of one pass of the trunk; a step takes as many passes as it needs.
    """

    examples: int = attrs.field(default=64, validator=positive)
    max_tokens: int = attrs.field(default=8192, validator=positive)


@attrs.frozen
class OptimizerConfig:
    """AdamW and its schedule.

    Attributes:
        rate: Highest learning rate.
        betas: Decay of the two moments.
        weight_decay: On matrices alone; norms, biases and the embedding have none.
        clip: Most norm of the gradient.
        warmup: Steps of linear warm-up, at most a tenth of the run.
        schedule: "cosine", or "wsd" (stable, then a linear fall over the last fifth).
        final_share: Share of the rate that is left at the end.
        scale_losses: Divide each task's loss by that of a guess, so that weights compare.
    """

    rate: float = attrs.field(default=3e-4, validator=positive)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = attrs.field(default=0.01, validator=v.ge(0))
    clip: float = attrs.field(default=1.0, validator=positive)
    warmup: int = attrs.field(default=2000, validator=v.ge(0))
    schedule: Schedule = "cosine"
    final_share: float = attrs.field(default=0.1, validator=(v.ge(0), v.le(1)))
    scale_losses: bool = True


@attrs.frozen
class EvaluationConfig:
    """How held-out data is measured.

    Attributes:
        examples: Most validation examples of a task after an epoch; 0 for all of them.
        execute_every: Epochs between validations by generating and executing; 0 for none.
        budget_examples: Most examples to generate for and execute at a time.
        budget_seconds: Time after which such an evaluation takes no new example.
    """

    examples: int = attrs.field(default=256, validator=v.ge(0))
    execute_every: int = attrs.field(default=0, validator=v.ge(0))
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
    every_minutes: float = attrs.field(default=10.0, validator=v.ge(0))
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
    threads: int = attrs.field(default=0, validator=v.ge(0))
    keep_memory: bool = True
    compile: Literal["auto", "on", "off"] = "auto"


@attrs.frozen
class TokenizerConfig:
    """The tokenizer that a run trains on its training split.

    Attributes:
        size: Tokens that it may have, control tokens and symbols included.
    """

    size: int = attrs.field(default=4096, validator=v.ge(300))


@attrs.frozen
class RunConfig:
    """Everything that a run depends on.

    Attributes:
        tasks: Settings of each task, by name; a task without settings has an empty table.
        seed: Of weights, order and every example's own randomness.
        data: Folder or file handed to every task that reads one.
        size: Preset of the trunk, where [trunk] gives no shape.
        curriculum: Name or TOML file of the phases.
        scale: Stretch of every phase.
        log_seconds: Most seconds between two logged steps.
    """

    tasks: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    seed: int = 0
    data: str = ""
    size: Size = "tiny"
    trunk: TrunkConfig = attrs.field(factory=TrunkConfig)
    step: StepConfig = attrs.field(factory=StepConfig)
    optimizer: OptimizerConfig = attrs.field(factory=OptimizerConfig)
    curriculum: str = "default"
    scale: float = attrs.field(default=1.0, validator=positive)
    evaluation: EvaluationConfig = attrs.field(factory=EvaluationConfig)
    checkpoints: CheckpointConfig = attrs.field(factory=CheckpointConfig)
    device: DeviceConfig = attrs.field(factory=DeviceConfig)
    tokenizer: TokenizerConfig = attrs.field(factory=TokenizerConfig)
    log_seconds: float = attrs.field(default=2.0, validator=v.ge(0))


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
    config = _with_shape(data, place)
    if not config.tasks:
        raise ConfigError("no task was named; write --tasks NAME, or a table [tasks.NAME]")
    if tasks is not None:
        strangers = sorted(set(config.tasks) - set(tasks))
        if strangers:
            raise ConfigError(f"--set names task {strangers[0]!r}, which is not in --tasks")
    return config


def _with_shape(data: dict[str, Any], place: str) -> RunConfig:
    """Structure the data, the trunk's preset under its own keys."""
    if isinstance(data.get("trunk", {}), dict) and data.get("size", "tiny") in SIZES:
        preset = plain(SIZES[data.get("size", "tiny")])
        data = {**data, "trunk": {**preset, **data.get("trunk", {})}}
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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
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
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


FREE = ("checkpoints", "device", "evaluation", "log_seconds")
IDENTITY = ("size", "tasks", "tokenizer", "trunk")


@attrs.frozen
class Change:
    """A setting that differs from the one that a run was started with.

    Attributes:
        key: Which.
        old: What it was.
        new: What it is.
        kind: "free" changes nothing that is learned, "trajectory" changes what comes after,
            "identity" makes it another model.
    """

    key: str
    old: Any
    new: Any
    kind: Literal["free", "trajectory", "identity"]

    def __str__(self) -> str:
        """Say it in a phrase."""
        return f"{self.key} was {self.old!r} and is {self.new!r}"


def changes(old: RunConfig, new: RunConfig) -> list[Change]:
    """Return every setting that differs, with what a change of it means for a started run."""
    before, after = dict(_leaves(to_dict(old))), dict(_leaves(to_dict(new)))
    found = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            found.append(Change(key, before.get(key), after.get(key), _kind(key)))
    return found


def _kind(key: str) -> Literal["free", "trajectory", "identity"]:
    top = key.split(".")[0]
    return "free" if top in FREE else "identity" if top in IDENTITY else "trajectory"


def _leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        dotted = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from _leaves(value, dotted)
        else:
            yield dotted, value
