"""From a configuration to a run that can be trained: new, or going on where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from ectrain.balancers import make_balancer, restore_balancer
from ectrain.batches import Drawable
from ectrain.changes import Change, changes, curriculum_changes
from ectrain.checkpoint import Checkpoints, Loaded, no_checkpoint
from ectrain.compiling import compile_from_now_on
from ectrain.config import RunConfig, from_dict, to_dict
from ectrain.curriculum import load_curriculum
from ectrain.data import Data, data_mark, load_data, make_tasks, train_tokenizer
from ectrain.device import can_gain_by_compiling, choose_place, prepare_process
from ectrain.digest import digest
from ectrain.draws import Draws
from ectrain.errors import CheckpointError, ConfigError
from ectrain.events import end_torn_line, read_events
from ectrain.gradients import let_passes_be_gone_through_again
from ectrain.guesses import guesses_of
from ectrain.initial import Start, read_start
from ectrain.learner import Learner
from ectrain.model import AnyTask, Model, check_fingerprint
from ectrain.offers import Offer, installed
from ectrain.optimizer import make_optimizer, restore_optimizer
from ectrain.phases import Curriculum
from ectrain.refresh import Refresher
from ectrain.run import Run, keep_file
from ectrain.signals import stop_requests
from ectrain.state import TrainState
from ectrain.storage import RunLock, Storage, disk_errors
from ectrain.structure import plain
from ectrain.tokenizer import Tokenizer

CONFIG_FILE = "training_config.json"


def prepare(
    config: RunConfig,
    out: Path,
    resume: bool = True,
    allowed: Sequence[str] = (),
    storage: Storage | None = None,
) -> Run:
    """Return a run, new or restored from its newest good checkpoint.

    Args:
        config: What to train.
        out: The run directory.
        resume: Go on with a run that is there already; else refuse such a directory.
        allowed: Settings that may differ from those that the run was started with.
        storage: Where it is written.

    Raises:
        EctrainError: Settings, plugins, data, checkpoint, disk or device don't allow it.
    """
    with ExitStack() as held, stop_requests(patient=False):
        prepare_process(config.device)
        tasks = make_tasks(config)
        storage = storage or Storage()
        with disk_errors(out, "can't use run directory"):
            storage.make_directory(out)
        held.enter_context(RunLock(out))
        warnings: list[str] = []
        settings = config.checkpoints
        checkpoints = Checkpoints(
            out / "checkpoints", settings.keep_last, settings.keep_best, storage, warnings.append
        )
        loaded = _start(config, out, resume, allowed, checkpoints, warnings)
        data = load_data(tasks)
        run = _assemble(config, out, tasks, data, checkpoints, loaded, storage, warnings, held)
        keep_file(storage, out / CONFIG_FILE, json.dumps(to_dict(config), indent=1) + "\n")
        keep_file(storage, out / "tokenizer.json", run.tokenizer.to_json())
        with disk_errors(out, "can't write"):
            end_torn_line(out / "events.jsonl")
        if can_gain_by_compiling(config.device, run.learner.place.device, run.operations()):
            compile_from_now_on()
        run.held = held.pop_all()
    checkpoints.warn_with(run.warn)
    return run


def _assemble(
    config: RunConfig,
    out: Path,
    tasks: Mapping[str, AnyTask],
    data: Data,
    checkpoints: Checkpoints,
    loaded: Loaded | None,
    storage: Storage,
    warnings: list[str],
    held: ExitStack,
) -> Run:
    marks = {name: data_mark(name, task, data[name]["train"]) for name, task in tasks.items()}
    offers = {name: offer for name, offer in installed().items() if name in tasks}
    phases = load_curriculum(config.curriculum)
    initial = None
    if loaded is None:
        state = TrainState()
        initial = _initial(config, tasks, warnings)
        tokenizer = initial.tokenizer if initial else train_tokenizer(config, tasks, data)
    else:
        tokenizer, state = _progress(loaded, marks)
        warnings += _differences(loaded, config, phases, offers)
    drawable = {name: Drawable(name, task, data[name]["train"]) for name, task in tasks.items()}
    model = Model(config.trunk, tasks, tokenizer, config.seed)
    begun_with = initial.give(model) if initial else None
    model.init = config.init
    learner = _learner(config, model, loaded)
    warnings += _balancer_restored(learner, loaded)
    draws = Draws(drawable, config.seed, config.step.examples)
    start = loaded.epoch_start if loaded else None
    learner.model.origin = loaded.origin if loaded else {}
    return Run(
        config=config,
        directory=out,
        phases=phases,
        learner=learner,
        draws=draws,
        refresher=Refresher(learner.model, draws, config.seed, start),
        sizes={n: {s: len(examples) for s, examples in d.items()} for n, d in data.items()},
        checkpoints=checkpoints,
        storage=storage,
        state=state,
        offers=offers,
        data_marks=marks,
        resumed_from=loaded.entry if loaded else None,
        finished=loaded is not None and has_finished(out),
        held=held,
        early_warnings=warnings,
        begun_with=begun_with,
    )


def _initial(config: RunConfig, tasks: Mapping[str, AnyTask], warnings: list[str]) -> Start | None:
    """Return what the run begins with, where that is another run's."""
    return read_start(Path(config.init), tasks.values(), warnings.append) if config.init else None


def _progress(loaded: Loaded, marks: Mapping[str, str]) -> tuple[Tokenizer, TrainState]:
    """Return a checkpoint's tokenizer and progress, refusing what doesn't belong to it."""
    place = str(loaded.entry.path)
    stored = loaded.document("state")
    tokenizer = Tokenizer.from_json(loaded.tokenizer, f"{place}/tokenizer.json")
    check_fingerprint(tokenizer, stored, loaded.entry.path)
    _check_data(marks, stored.get("data", {}), place)
    return tokenizer, TrainState.from_dict(stored["progress"], place)


def _changed(loaded: Loaded, config: RunConfig, phases: Curriculum) -> list[Change]:
    """Return what was set otherwise when a checkpoint was saved, in settings and curriculum."""
    before = from_dict(loaded.document("config"))
    found = changes(before, config)
    if before.curriculum == config.curriculum:
        stored = loaded.document("state").get("curriculum")
        found += curriculum_changes(stored, plain(phases)) if stored else []
    return found


def _differences(
    loaded: Loaded, config: RunConfig, phases: Curriculum, offers: Mapping[str, Offer]
) -> Iterator[str]:
    """Yield what is not as it was when a checkpoint was saved, though the run may go on."""
    for change in _changed(loaded, config, phases):
        if change.kind != "free":
            yield f"setting {change}, as --allow-change let it"
    before = loaded.document("plugins")
    for name, offer in offers.items():
        if name in before and before[name]["version"] != offer.version:
            old = before[name]["version"]
            yield f"plugin {offer} was version {old} when the run was saved"


def _balancer_restored(learner: Learner, loaded: Loaded | None) -> Iterator[str]:
    """Give the balancer what it had learned, and yield why it starts anew, where it does."""
    if loaded is not None:
        stored = loaded.document("state").get("balancer")
        if why := restore_balancer(learner.balancer, stored, str(loaded.entry.path)):
            yield why


def _learner(config: RunConfig, model: Model, loaded: Loaded | None) -> Learner:
    """Return model and optimizer in their place, new or as a checkpoint has them."""
    place = choose_place(config.device)
    if loaded is not None:
        model.restore(loaded.tensors("model"))
    model.to(place.device)
    optimizer = make_optimizer(model, config.optimizer)
    if loaded is not None:
        before = from_dict(loaded.document("config")).optimizer.name
        if before == config.optimizer.name:  # another one starts anew
            restore_optimizer(model, optimizer, loaded.tensors("optim"))
    balancer = make_balancer(config.balancer, list(model.tasks), config.seed)
    if balancer.needs.gradients != "none" or config.balancer.cosines_every:
        let_passes_be_gone_through_again()
    guesses = guesses_of(model.tasks, model.tokenizer.size) if _scales_losses(config) else {}
    return Learner(model, optimizer, place, config.optimizer.clip, balancer, guesses)


def _scales_losses(config: RunConfig) -> bool:
    wanted = config.optimizer.scale_losses
    return config.balancer.name != "fixed" if wanted == "auto" else wanted == "on"


def _start(
    config: RunConfig,
    out: Path,
    resume: bool,
    allowed: Sequence[str],
    checkpoints: Checkpoints,
    passed_over: Sequence[str],
) -> Loaded | None:
    """Return the checkpoint to go on from, None to start; refuse what doesn't fit."""
    there = _holds_checkpoints(checkpoints.directory)
    if not resume:
        if there or (out / "events.jsonl").exists():
            raise ConfigError(f"{out} holds a run already; choose another --out, or --resume")
        return None
    loaded = checkpoints.newest()
    if loaded is None and there:
        raise no_checkpoint(checkpoints.directory, passed_over)
    if loaded is not None:
        _check_config(_changed(loaded, config, load_curriculum(config.curriculum)), out, allowed)
    return loaded


def _holds_checkpoints(directory: Path) -> bool:
    """Return whether there are any, damaged beyond recognition or not."""
    return directory.is_dir() and any(path.name.isdigit() for path in directory.iterdir())


_FIXED = ("size", "tokenizer", "trunk")  # another value is another model, whose weights may yet fit


def _check_config(found: Sequence[Change], out: Path, allowed: Sequence[str]) -> None:
    differing = [change for change in found if change.kind != "free"]
    fixed = [change for change in differing if change.key.split(".")[0] in _FIXED]
    refused = [change for change in differing if change in fixed or change.name not in allowed]
    if not refused:
        return
    listed = "; ".join(map(str, refused))
    remedy = " ".join(dict.fromkeys(f"--allow-change {change.name}" for change in refused))
    if any(change.kind == "identity" for change in refused):
        remedy = "choose another --out"
    raise ConfigError(f"{out} was started with other settings: {listed}; {remedy}")


def _check_data(now: Mapping[str, str], before: Mapping[str, str], place: str) -> None:
    for name, mark in now.items():
        if before.get(name, mark) != mark:
            raise CheckpointError(
                f"{place}: the training data of task {name} is not what it was saved with; "
                "choose another --out, or bring the data back"
            )


def has_finished(out: Path) -> bool:
    """Return whether the last word of a run's log is that it finished."""
    path = out / "events.jsonl"
    if not path.is_file():
        return False
    end = digest(read_events(path)).end
    return end is not None and end.get("status") == "finished"
