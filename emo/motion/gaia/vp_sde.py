"""The noise of GAIA's motion model: a variance-preserving SDE, in the steps of a scheduler of diffusers (4.2).

dz = -1/2 beta z dt + sqrt(beta) dw                          (eq. 5)
dz = -(1/2 z + grad log p) beta dt + sqrt(beta) dw           (eq. 8), DDIM's eta of 1
dz = -1/2 (z + grad log p) beta dt                           (eq. 9), DDIM's eta of 0
"""

import math

import numpy as np
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

BETA_MIN, BETA_MAX = 0.1, 20.0
"""beta at t = 0 and 1, and straight between (Song et al. 2021); GAIA does not say."""

STEPS = 1000  # into which the time from 0 to 1 is divided


def vp_sde_scheduler() -> DDIMScheduler:
    """A scheduler for a model that predicts z0.

    Timestep n is t = (n + 1) / 1000. Its signal is exp(-1/2 of beta's integral to t), as eq. 6 has it, and not the
    product that discrete betas would make. DDIM's steps of any length solve eq. 9, and with an eta of 1 eq. 8, for a
    z0 that stays as it was predicted.
    """
    times = np.arange(STEPS + 1) / STEPS
    betas = [-math.expm1(-step) for step in np.diff(integral(times))]
    return DDIMScheduler(
        trained_betas=betas,  # pyright: ignore[reportArgumentType] (a list, so that it can be saved)
        prediction_type="sample",
        timestep_spacing="trailing",
        clip_sample=False,
    )


def integral(time: np.ndarray) -> np.ndarray:
    """Of beta from 0 to times."""
    return BETA_MIN * time + (BETA_MAX - BETA_MIN) * time**2 / 2
