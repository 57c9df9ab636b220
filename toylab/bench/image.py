"""image: the trainer of images against a hand-written loop: speed, operations, memory, scores.

On a CPU small networks and one core (CPU seconds), on a GPU the papers' sizes, wall seconds, and
every precision and backend beside float32.
"""

import functools
import multiprocessing
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from toylab.bench import image_loop
from toylab.bench.measure import alone, interleaved
from toylab.bench.operations import kinds, operations
from toylab.image import metrics
from toylab.image.config import load
from toylab.image.features import Features, extractor
from toylab.image.layouts import common
from toylab.image.pixels import Form
from toylab.image.progress import clock
from toylab.image.run import prepare
from toylab.image.sets import chosen, labelled, whole_set
from toylab.image.sources import Images
from toylab.randomness import Keys
from toylab.rules import RULES
from toylab.trainer import train

ON_GPU = torch.cuda.is_available()
DEVICE = "cuda" if ON_GPU else "cpu"
UNIT = "img/s" if ON_GPU else "img/CPU-s"
SPENT = "s" if ON_GPU else "CPU-s"
SAME, WHOLE = "hand-written loop, same nets", "nn.Module + torch.optim loop"
SMALL = {  # on a CPU: {preset: settings}; the papers' sizes are 64, 64 and 128, 64, 128
    "roth-dcgan-cifar10": {"features": 32, "batch": 16},
    "wgangp-resnet-cifar10": {"features": 32, "batch": 8, "batch_generator": 16},
}
NAMES = {
    "digits-smoke": "digits dcgan",
    "roth-dcgan-cifar10": "DCGAN32",
    "wgangp-resnet-cifar10": "WGAN-GP ResNet32",
}
QUICKER = {  # on a GPU: {how: settings}
    "float32": {},
    "tf32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "bfloat16, channels last": {"precision": "bfloat16", "channels_last": True},
    "bfloat16, channels last, compiled": {
        **{"precision": "bfloat16", "channels_last": True, "backend": "inductor"},
    },
    "float32, CUDA graph": {"backend": "cudagraphs"},
    "bfloat16, channels last, CUDA graph": {
        **{"precision": "bfloat16", "channels_last": True, "backend": "cudagraphs"},
    },
}
STANDIN = 1024  # images of noise in CIFAR-10's place: their numbers cost what others do
SCORED = 1000  # images of either kind
DECODED = 200


class Ours:
    """The trainer's own loop on a preset: `take(n)` steps."""

    def __init__(self, preset, **changed):
        base = {} if ON_GPU or preset not in SMALL else SMALL[preset]
        one = {"device": DEVICE, "threads": 1, "deterministic": False}
        self.config = load(preset, {**base, **one, **changed})
        self.setup = prepare(self.config, _standin(self.config))
        self.states = train(self.config.experiment, setup=self.setup)
        specs = self.setup.draws.specs
        self.images_a_step = sum(spec.count * spec.size for spec in specs if spec.real)

    def take(self, count):
        for _ in range(count):
            next(self.states)

    @property
    def name(self):
        """In words: network, size, batch, penalty."""
        e, s = self.config.experiment, self.config.settings
        return f"{NAMES[self.config.name]} f{s.features} batch {e.batch} {e.penalty}"

    def loop(self, same=True):
        """The hand-written loop of the same game; with nn.Modules throughout unless `same`."""
        e, s = self.config.experiment, self.config.settings
        real = self.setup.sources[0]
        whole = getattr(real, "images", real).points
        players = self.setup.start().players
        nets = map(image_loop.Held, self.setup.networks, players)
        if not same:
            torch.manual_seed(0)
            made = image_loop.resnet if "resnet" in s.network else image_loop.dcgan
            nets = made(*real.shape[:2], e.latent, s.features, s.stages or 3, s.kernel or 5)
        nets = list(nets)
        for net, network in zip(nets, self.setup.networks, strict=True):
            assert sum(p.numel() for p in net.parameters()) == network.count
        images = torch.from_numpy(whole).to(DEVICE)
        sizes = e.batch, e.batch_generator or e.batch
        return image_loop.Loop(nets, images, e.latent, sizes, e.penalty, e.critic_steps)


def _standin(config):
    if config.settings.data != "cifar10":
        return None
    noise = Keys(0, "bench").rng().integers(0, 256, (STANDIN, 3, 32, 32), np.uint8)
    return Images(noise, config.settings.scaling)


def now():
    """Seconds: of this process on a CPU, of the wall once a GPU has done what it was told."""
    if not ON_GPU:
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def against(ours, theirs, case, baseline, rounds, seconds):
    """A row of images a second, ours against theirs, in about so many seconds."""
    for take in (ours.take, theirs.take):
        take(2)  # what is only done once
    began = now()
    ours.take(1), theirs.take(1)
    count = max(1, int(seconds / rounds / max(now() - began, 1e-4)))
    how = {"unit": UNIT, "rounds": rounds, "count": count, "clock": now, "warm": 0}
    row = interleaved("image", case, ours.take, theirs.take, baseline, **how)
    return row._replace(value=row.value * ours.images_a_step)


def speed(preset, rounds, seconds, **changed):
    """Ours against both hand-written loops."""
    ours = Ours(preset, **changed)
    for same, words in ((True, SAME), (False, WHOLE)):
        yield against(ours, ours.loop(same), ours.name, words, rounds, seconds / 2)


def price(preset, rounds, seconds):
    """The factor by which the penalty lengthens a step, ours and by hand; Roth et al. 2017: 1.4."""
    pair = Ours(preset), Ours(preset, penalty="none")
    loops = [ours.loop(same=False) for ours in pair]
    for words, (dear, cheap) in (("its cost", pair), ("its cost by hand", loops)):
        case = f"{pair[0].name}, {words}"
        row = against(dear, cheap, case, "a step without", rounds, seconds / 2)
        least, most = row.spread
        yield row._replace(ratio=1 / row.ratio, spread=(1 / most, 1 / least))


def counted(preset, **changed):
    """Tensor operations of one step by kind, ours against the same nets by hand, Adam's apart."""
    ours = Ours(preset, **changed)
    loop, e = ours.loop(), ours.config.experiment
    state = ours.setup.step(ours.setup.start())  # with it a whole block of minibatches is drawn
    loop.step()
    knobs = {**ours.setup.knobs(1), "rate": ours.setup.knobs(1)["rate_critic"]}
    moves = Counter(), Counter()
    turns = zip((1, e.critic_steps), state.players, state.memory, loop.moves, strict=True)
    for times, vector, memory, move in turns:
        update = functools.partial(RULES[e.rule].update, vector, vector, memory, knobs)
        for _ in range(times):
            moves[0].update(operations(update))
            moves[1].update(operations(move.step))
    whole = operations(lambda: ours.setup.step(state)), operations(loop.step)
    for mine, own in zip(whole, moves, strict=True):
        mine.subtract(own)
    parts = [kinds(mine) | {"Adam": own.total()} for mine, own in zip(whole, moves, strict=True)]
    for part in ("products", "elements", "views", "Adam"):
        mine, theirs = (found[part] for found in parts)
        if part == "products" and mine != theirs:
            raise RuntimeError(f"{ours.name}: {mine} products a step, by hand {theirs}")
        row = alone("image", f"{ours.name}, {part}", [mine], "operations a step")
        yield row._replace(ratio=mine / theirs, baseline=SAME, spread=(mine / theirs,) * 2)


def _peak(preset, whose):
    """Bytes that three steps took at most, in a process that does nothing else."""
    torch.set_num_threads(1)
    ours = Ours(preset)
    loop = ours if whose == "ours" else ours.loop(same=False)
    if ON_GPU:
        torch.cuda.reset_peak_memory_stats()
    loop.take(3)
    if ON_GPU:
        return torch.cuda.max_memory_allocated()
    try:  # what `getrusage` says is never below the peak of the process that started this one
        text = Path("/proc/self/status").read_text()
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", text)[1])
    except (OSError, TypeError):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(preset):
    """The most memory, ours against the hand-written loop, each in a process of its own."""
    found = {}
    for whose in ("ours", "theirs"):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as pool:
            found[whose] = pool.submit(_peak, preset, whose).result() / 1e6
    words = "MB of the GPU" if ON_GPU else "MB peak RSS"
    row = alone("image", f"{Ours(preset).name}, memory", [found["ours"]], words)
    ratio = found["ours"] / found["theirs"]
    yield row._replace(ratio=ratio, baseline=WHOLE, spread=(ratio, ratio))


def scored(rounds):
    """Seconds that FID takes: features, then statistics, of so many images of either kind."""
    settings = load("digits-smoke").settings
    real = whole_set(settings)
    images = chosen(real, np.arange(SCORED))
    with tempfile.TemporaryDirectory() as folder:
        look = extractor("classifier", functools.partial(labelled, settings, SCORED), folder)

    def took(call):
        began = now()
        call()
        return now() - began

    seconds = [took(lambda: look.of(images)) for _ in range(rounds + 1)][1:]
    yield alone("image", f"classifier's features of {SCORED:,} digits", seconds, SPENT)
    for count in (look.of(images[:1]).features.shape[1], 2048):
        rng = Keys(0, "bench").rng()
        kinds = [torch.from_numpy(rng.standard_normal((SCORED, count), np.float32)) for _ in "rf"]
        pair = [Features(kind, kind) for kind in kinds]
        seconds = [took(lambda pair=pair: metrics.frechet(*pair)) for _ in range(rounds + 1)][1:]
        yield alone("image", f"FID of {SCORED:,} and {SCORED:,}, {count} features", seconds, SPENT)


def decoding(rounds):
    """JPEGs decoded and made small by a thread a processor against one, in seconds of the wall."""
    import io

    from PIL import Image
    from sklearn.datasets import load_sample_image

    photo, encoded = load_sample_image("china.jpg"), []
    for number in range(DECODED):
        buffer = io.BytesIO()
        x, y = number * 7 % 384, number * 5 % 171
        Image.fromarray(photo[y : y + 256, x : x + 256]).save(buffer, "JPEG", quality=90)
        encoded.append((str(number), buffer.getvalue()))
    many, form = common.workers(), Form(size=64)

    def takes(threads):
        pictures = common.Pictures(DECODED, encoded)
        return lambda count: [common.gathered(pictures, form, threads=threads) for _ in [0] * count]

    how = {"unit": "img/s", "rounds": rounds, "count": 1, "clock": time.perf_counter, "warm": 1}
    case = f"256×256 JPEGs to 64×64 by {many} threads"
    row = interleaved("image", case, takes(many), takes(1), "one thread", **how)
    yield row._replace(value=row.value * DECODED)


def quicker(preset, rounds, seconds):
    """On a GPU: every precision and backend against the plain float32 loop by hand."""
    for words, settings in QUICKER.items():
        try:
            ours = Ours(preset, **settings)
            ours.take(1)
            if trouble := getattr(ours.setup.compiled, "trouble", ""):
                raise RuntimeError(trouble)  # plain steps would be measured under another name
            case = f"{ours.name}, {words}"
            yield against(ours, ours.loop(same=False), case, WHOLE, rounds, seconds)
        except (RuntimeError, torch.cuda.OutOfMemoryError) as error:
            print(f"image: {words} not measured: {error}"[:300], file=sys.stderr, flush=True)


def jobs(quick):
    """[(seconds or so, words, () -> rows)] of this suite."""
    rounds, seconds = (3, 6) if quick else (7, 24)
    large = [*SMALL][: 1 if quick else None]
    found = [(seconds, "digits", lambda: speed("digits-smoke", rounds, seconds))]
    for preset in large:
        found += [
            (seconds, preset, functools.partial(speed, preset, rounds, seconds)),
            (5, f"{preset}, operations", functools.partial(counted, preset)),
            (15, f"{preset}, memory", functools.partial(memory, preset)),
        ]
        if ON_GPU:
            cost = seconds * len(QUICKER)
            found.append((cost, f"{preset}, GPU", functools.partial(quicker, preset, rounds, 5)))
    found.append((5, "operations", lambda: counted("roth-dcgan-cifar10", penalty="none")))
    found.append((seconds, "penalty", lambda: price("roth-dcgan-cifar10", rounds, seconds / 2)))
    found.append((8, "decoding", lambda: decoding(3 if quick else 7)))
    return [*found, (25, "scores", lambda: scored(1 if quick else 3))]


def rows(quick=False):
    """Rows of this suite, one after the other; how long is left is told beside them."""
    torch.set_num_threads(1)
    work = jobs(quick)
    nominal, began, done = sum(seconds for seconds, *_ in work), time.monotonic(), 0.0
    for number, (seconds, words, job) in enumerate(work, 1):
        pace = (time.monotonic() - began) / done if done else 1.0
        left = clock(pace * (nominal - done))
        print(f"{number} of {len(work)}: {words}; about {left} left", file=sys.stderr, flush=True)
        yield from job()
        done += seconds
