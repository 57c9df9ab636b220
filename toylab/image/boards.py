"""Where else a run's rows and grids can be sent: TensorBoard and Weights & Biases."""

from importlib import import_module

import numpy as np

from toylab.image.config import ConfigError
from toylab.image.pixels import pillow


class TensorBoard:
    """Every row and grid as TensorBoard reads them, in the run's folder tensorboard/."""

    @staticmethod
    def library():
        """Its module; raises `ConfigError` where it is not installed."""
        return _library("torch.utils.tensorboard", "tensorboard")

    def __init__(self, folder, config):
        self.writer = TensorBoard.library().SummaryWriter(str(folder / "tensorboard"))

    def row(self, row):
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()

    def picture(self, step, path):
        pixels = pillow().open(path).convert("RGB")
        self.writer.add_image("fakes", np.asarray(pixels), step, dataformats="HWC")


class Wandb:
    """Every row and grid on Weights & Biases, in the project toylab or $WANDB_PROJECT."""

    @staticmethod
    def library():
        """Its module; raises `ConfigError` where it is not installed."""
        return _library("wandb", "wandb")

    def __init__(self, folder, config):
        self.wandb = Wandb.library()
        values = {**config.experiment.settings(), **config.settings.param.values()}
        told = {name: str(value) for name, value in values.items()}
        self.run = self.wandb.init(dir=str(folder), name=folder.name, config=told)

    def row(self, row):
        self.run.log(row, step=row["step"])

    def picture(self, step, path):
        self.run.log({"fakes": self.wandb.Image(str(path))}, step=step)


def _library(module, package):
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"--board {package} needs {package}, which is not installed: pip install {package}"
        ) from error


BOARDS = {"tensorboard": TensorBoard, "wandb": Wandb}
