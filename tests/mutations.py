"""Whether the tests notice when the method is broken: one change at a time in a copy of the checkout.

    python tests/mutations.py             # all of them
    python tests/mutations.py motion tail # those with one of these words in their names

Prints which test failed first for each, and exits 1 if one goes unnoticed. Not collected by pytest.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LEFT_OUT = (".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "out", "runs", "build", "dist")


class Mutation(NamedTuple):
    """`old`, which occurs once in `file`, becomes `new`; one of `tests` (below tests/) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        "audio window: every clip gets the first one's",
        "emo/pipelines/pipeline_emo.py",
        "features.windows(start, stop, ",
        "features.windows(0, stop - start, ",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "speed window: every clip gets the first one's",
        "emo/pipelines/pipeline_emo.py",
        "num_neighbors, start, stop)",
        "num_neighbors, 0, stop - start)",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "latents: not scaled when encoded",
        "emo/pipelines/latents.py",
        " * vae.config.scaling_factor",
        "",
        "pipelines/test_pipeline.py",
    ),
    Mutation(
        "latents: not scaled back when decoded",
        "emo/pipelines/pipeline_emo.py",
        "latents.to(self.vae.dtype) / self.vae.config.scaling_factor",
        "latents.to(self.vae.dtype)",
        "pipelines/test_pipeline.py",
    ),
    Mutation(
        "scheduler: model input not scaled",
        "emo/pipelines/pipeline_emo.py",
        "self.scheduler.scale_model_input(latents, timestep)",
        "latents",
        "pipelines/test_pipeline.py",
    ),
    Mutation(
        "motion frames: zeros in their place",
        "emo/unets/temporal.py",
        "torch.cat([motion, x.unflatten",
        "torch.cat([torch.zeros_like(motion), x.unflatten",
        "unets/test_temporal.py",
    ),
    Mutation(
        "motion frames: after the video",
        "emo/unets/temporal.py",
        "torch.cat([motion, x.unflatten(0, (batch, -1))], dim=1)",
        "torch.cat([x.unflatten(0, (batch, -1)), motion], dim=1)",
        "unets/test_temporal.py",
    ),
    Mutation(
        "motion frames: the first latents passed on",
        "emo/pipelines/pipeline_emo.py",
        "motion_latents=latents[:, clip_frames - n :]",
        "motion_latents=latents[:, :n]",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "audio window: one frame late",
        "emo/unets/windows.py",
        "(frames + offsets)",
        "(frames + offsets + 1)",
        "unets/test_inputs.py",
    ),
    Mutation(
        "audio window: ends with the clip",
        "emo/pipelines/audio_features.py",
        "min(last, stop + num_neighbors)",
        "min(last, stop - 1)",
        "pipelines/test_audio_features.py",
    ),
    Mutation(
        "audio window: frame centres two frames late",
        "emo/pipelines/audio_features.py",
        "centers = [(frame + Fraction(1, 2))",
        "centers = [(frame + Fraction(5, 2))",
        "pipelines/test_audio_features.py",
    ),
    Mutation(
        "reference attention: reads the video",
        "emo/unets/spatial.py",
        "self.attn2(query, reference)",
        "self.attn2(query)",
        "unets/test_reference.py",
    ),
    Mutation(
        "reference attention: does not start as self-attention",
        "emo/hub/sd15.py",
        'key.replace(".attn1.", ".attn2.")',
        'key.replace(".attn1.", ".attn1.")',
        "hub/test_import.py",
    ),
    Mutation(
        "speed: factor 2 for 3",
        "emo/unets/speed_encoder.py",
        "torch.tanh(3 *",
        "torch.tanh(2 *",
        "unets/test_inputs.py",
    ),
    Mutation(
        "speed keys: no positions",
        "emo/unets/temporal.py",
        "key = speed + self.speed_pos_embed.pe[:, n:length]",
        "key = speed",
        "unets/test_temporal.py",
    ),
    Mutation(
        "tail clip: dropped",
        "emo/pipelines/pipeline_emo.py",
        "math.ceil(num_frames / self.unet.config.num_frames)",
        "max(1, num_frames // self.unet.config.num_frames)",
        "pipelines/test_chaining.py pipelines/test_pipeline.py",
    ),
    Mutation(
        "tail clip: not cut",
        "emo/pipelines/pipeline_emo.py",
        "[0, : job.num_frames - start]",
        "[0]",
        "pipelines/test_chaining.py pipelines/test_pipeline.py",
    ),
    Mutation(
        "tail clip: padded with the beginning",
        "emo/unets/windows.py",
        ".clamp(0, track.shape[1] - 1)",
        " % track.shape[1]",
        "unets/test_inputs.py",
    ),
    Mutation(
        "guidance: sign",
        "emo/pipelines/guidance.py",
        "weights.append(1 - audio_guidance_scale)",
        "weights.append(audio_guidance_scale - 1)",
        "pipelines/test_guidance.py",
    ),
    Mutation(
        "guidance: weights do not sum to one",
        "emo/pipelines/guidance.py",
        "weights[0] -= sum(weights[1:])",
        "pass",
        "pipelines/test_guidance.py",
    ),
    Mutation(
        "resume: generator state not restored",
        "emo/pipelines/pipeline_emo.py",
        "job.generator.set_state(state.generator_state)",
        "pass",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "training: the audio projection trains in stage 3",
        "train/stage3_speed.py",
        "return is_temporal(name) or is_speed(name)",
        'return is_temporal(name) or is_speed(name) or name.startswith("audio_projection")',
        "train/test_stages.py::test_ten_steps_move_what_the_table_says_and_nothing_else",
    ),
    Mutation(
        "training: layers without a gradient in the optimiser",
        "train/emo_train/stage.py",
        "for name in self.reached() if self.trains(name)]",
        "for name, _ in self.networks.named_parameters() if self.trains(name)]",
        "train/test_stages.py::test_every_trainable_parameter_has_a_gradient_with_all_conditions_dropped",
    ),
    Mutation(
        "training: audio is not dropped",
        "train/emo_train/networks.py",
        "_keep(self.audio_projection(audio.to(dtype)), kept.audio)",
        "self.audio_projection(audio.to(dtype))",
        "train/test_draws.py",
    ),
    Mutation(
        "training: a dropped face mask is black",
        "train/emo_train/networks.py",
        "white = 1 - _keep(1 - face_mask.to(dtype), kept.face_mask)",
        "white = _keep(face_mask.to(dtype), kept.face_mask)",
        "train/test_draws.py",
    ),
    Mutation(
        "training: conditions are dropped together",
        "train/emo_train/draws.py",
        "(chance >= rates.get(name, 0)).float()",
        "(chances[0] >= rates.get(name, 0)).float()",
        "train/test_draws.py",
    ),
    Mutation(
        "training: noise by the place in the batch",
        "train/emo_train/draws.py",
        "for number in numbers:",
        "for number, _ in enumerate(numbers):",
        "train/test_draws.py",
    ),
    Mutation(
        "training: the last frames are motion frames",
        "train/emo_train/stage.py",
        "batch.latents[:, : self.motion_frames]",
        "batch.latents[:, -self.motion_frames :]",
        "train/test_stages.py::test_the_first_frames_of_a_clip_are_the_motion_frames",
    ),
    Mutation(
        "training: the velocity's sign",
        "train/emo_train/objective.py",
        "signal * noise - sigma * latents",
        "signal * noise + sigma * latents",
        "train/test_objective.py",
    ),
    Mutation(
        "training: min-SNR of v as that of epsilon",
        "train/emo_train/objective.py",
        "(snr + 1 if self.velocity else snr)",
        "snr",
        "train/test_objective.py",
    ),
    Mutation(
        "training: the mouth's place in pixels, not latents",
        "train/emo_train/objective.py",
        "self.mouth_weight(mouth * scale,",
        "self.mouth_weight(mouth,",
        "train/test_objective.py",
    ),
    Mutation(
        "training: resume from the first sample",
        "train/emo_train/loop.py",
        "start = self.progress.samples //",
        "start = 0 //",
        "train/test_loop.py",
    ),
    Mutation(
        "training: the schedule starts anew on resume",
        "train/emo_train/loop.py",
        "register(self.progress, self.schedule, self.average)",
        "register(self.progress, self.average)",
        "train/test_loop.py",
    ),
    Mutation(
        "training: the average starts anew on resume",
        "train/emo_train/average.py",
        "self._averages = [_spread(tensor, like) for tensor, like in pairs]",
        "pass",
        "train/test_loop.py",
    ),
    Mutation(
        "training: checkpoints are not renamed when whole",
        "train/emo_train/state.py",
        'temporary = self.folder / "saving"',
        "temporary = self.folder / step_name(step)",
        "train/test_loop.py",
    ),
    Mutation(
        "training: accelerate launch decides on accumulation",
        "train/emo_train/loop.py",
        "gradient_accumulation_plugin=accumulation",
        "gradient_accumulation_steps=config.accumulation",
        "train/test_loop.py",
    ),
    Mutation(
        "training: a loss that is no number goes on",
        "train/emo_train/loop.py",
        "self._check_finite(values, broken, norm)",
        "pass",
        "train/test_loop.py",
    ),
    Mutation(
        "training: a signal is not heard",
        "train/emo_train/signals.py",
        "self.received = number",
        "pass",
        "train/test_loop.py",
    ),
    Mutation(
        "training: adapters are merged without their scale",
        "train/emo_train/lora.py",
        "tensor + scale * (up",
        "tensor + (up",
        "train/test_stages.py::test_lora_trains_adapters_only_and_is_saved_merged",
    ),
    Mutation(
        "training: what is saved is not averaged",
        "train/emo_train/loop.py",
        "with self.average.applied():\n            weights",
        "if True:\n            weights",
        "train/test_loop.py",
    ),
    Mutation(
        "training: processes see the same samples",
        "train/emo_train/loop.py",
        "self.stage.loader(start, processes, self.accelerator.process_index)",
        "self.stage.loader(start, processes, 0)",
        "train/test_processes.py::test_two_processes_equal_one_with_twice_the_batch",
    ),
    Mutation(
        "measures: a late mouth passes for an early one",
        "emo/metrics/sync.py",
        "opening[max(lag, 0) : frames + min(lag, 0)], loudness[max(-lag, 0) : frames - max(lag, 0)]",
        "loudness[max(lag, 0) : frames + min(lag, 0)], opening[max(-lag, 0) : frames - max(lag, 0)]",
        "metrics/test_sync.py",
    ),
    Mutation(
        "measures: the head nods with the mouth",
        "emo/metrics/head_motion.py",
        "return rotation @ _about_x(",
        "return rotation @ _about_x(0 * ",
        "metrics/test_head_motion.py",
    ),
    Mutation(
        "measures: a still head's noise passes for speed",
        "emo/metrics/head_motion.py",
        "floor = FLOOR * _noise(landmarks)",
        "floor = 0.0",
        "metrics/test_head_motion.py",
    ),
    Mutation(
        "measures: clip borders one frame early",
        "emo/metrics/continuity.py",
        "np.arange(1, len(change) + 1) % clip_length",
        "np.arange(2, len(change) + 2) % clip_length",
        "metrics/test_continuity.py",
    ),
    Mutation(
        "dataset: the reference may be the target",
        "emo/data/dataset.py",
        "others = np.setdiff1d(others, shown)",
        "pass",
        "data/test_dataset.py",
    ),
    Mutation(
        "targets: one noise time for all",
        "train/emo_train/stage.py",
        "own_times=not self.video",
        "own_times=False",
        "train/test_stages.py",
    ),
    Mutation(
        "targets: the mask of other frames",
        "emo/data/dataset.py",
        "np.arange(around.start, around.stop), self.targets",
        "np.arange(clip.frames), self.targets",
        "data/test_dataset.py",
    ),
    Mutation(
        "dataset: sound and speed of the motion frames",
        "emo/data/dataset.py",
        "first = start + self.num_motion_frames",
        "first = start",
        "data/test_dataset.py",
    ),
    Mutation(
        "dataset: labels not scaled with the picture",
        "emo/data/dataset.py",
        "[self.width / clip.width, self.height / clip.height]",
        "[1, 1]",
        "data/test_dataset.py",
    ),
    Mutation(
        "dataset: two ranks share samples",
        "emo/data/sampler.py",
        "(step * self.num_processes + self.process_index) * self.batch_size",
        "step * self.num_processes * self.batch_size + self.process_index",
        "data/test_sampler.py",
    ),
    Mutation(
        "dataset: a person in both splits",
        "emo/data/synthetic/studio.py",
        "self._is_test(number)",
        "self._is_test(index)",
        "data/test_synthesize.py",
    ),
    Mutation(
        "cache: of any weights",
        "emo/data/cache.py",
        "{modules_fingerprint({'audio_encoder': audio_encoder, 'vae': vae})}-{size}",
        "{size}",
        "data/test_cache.py",
    ),
    Mutation(
        "pretraining: the linear path starts with the last components",
        "emo/unets/patch_autoencoder.py",
        "components.flip(1)[:, :channels]",
        "components[:, :channels]",
        "unets/test_patch_autoencoder.py",
    ),
    Mutation(
        "pretraining: the residual network is left out of decoding",
        "emo/unets/patch_autoencoder.py",
        "torch.cat([self.patch_out(part) + self.decoder(part) for part in parts])",
        "self.patch_out(z) + 0 * self.decoder(z)",
        "unets/test_patch_autoencoder.py",
    ),
    Mutation(
        "pretraining: the mouth's weight is not mirrored",
        "train/autoencoder.py",
        "weight = torch.where(mirrored, weight.flip(-1), weight)",
        "weight = weight.clone()",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "pretraining: scaling factor of the variance",
        "train/autoencoder.py",
        "return 1 / float(latents.std())",
        "return 1 / float(latents.var())",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "chaining: correlated noise grows",
        "emo/pipelines/latents.py",
        "math.sqrt(1 - correlation**2) * own",
        "own",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "training: noise is correlated, but the model is not told",
        "train/emo_train/objective.py",
        "    unet.register_to_config(noise_correlation=config.noise_correlation, _use_default_values=left)",
        "    pass",
        "train/test_noise.py",
    ),
    Mutation(
        "training: the noise of clips stays independent",
        "train/emo_train/stage.py",
        "noise_correlation=self.pipe.unet.config.noise_correlation if self.video else 0.0,",
        "noise_correlation=0.0,",
        "train/test_noise.py",
    ),
    Mutation(
        "chaining: noise is repeated, not mirrored",
        "emo/pipelines/latents.py",
        "before.to(fresh.device).flip(1)",
        "before.to(fresh.device)",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "chaining: mirrored noise grows",
        "emo/pipelines/latents.py",
        "math.sqrt(1 - mirroring) * fresh",
        "fresh",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "resume: the noise before is forgotten",
        "emo/pipelines/pipeline_emo.py",
        "noise=noise.cpu(),",
        "noise=noise.cpu() if job.generator is None else None,",
        "pipelines/test_chaining.py",
    ),
    Mutation(
        "evaluation: videos by another sampler are kept",
        "emo/evaluation/takes.py",
        ' | {"scheduler": scheduler_fingerprint(self.pipe(take.model).scheduler)}',
        "",
        "evaluation/test_takes.py",
    ),
    Mutation(
        "evaluation: the portrait is not guided",
        "emo/evaluation/takes.py",
        "                reference_guidance_scale=settings.reference_guidance,\n",
        "",
        "evaluation/test_takes.py",
    ),
    Mutation(
        "evaluation: the first video's lag for all",
        "emo/metrics/sync.py",
        "np.mean(np.stack(correlations), axis=0)",
        "np.stack(correlations)[0]",
        "metrics/test_sync.py",
    ),
    Mutation(
        "pretraining: the decoder alone measures its scaling factor anew",
        "train/autoencoder.py",
        "if not self.config.model.decoder_only:",
        "if True:",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "pretraining: the decoder alone takes its encoder along",
        "train/autoencoder.py",
        "not (config.model.decoder_only and name.startswith(ENCODER))",
        "True",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "pretraining: more detail than there is costs nothing",
        "train/emo_train/reconstruction.py",
        "(detail(found) - detail(pictures)).abs().mean()",
        "(detail(pictures) - detail(found)).clamp(min=0).mean()",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "pretraining: latents without noise",
        "train/autoencoder.py",
        "latents + level * noise",
        "latents",
        "train/test_autoencoder.py",
    ),
    Mutation(
        "pretraining: targets one state late",
        "train/emo_train/speech_samples.py",
        "self.hop + self.field / 2)",
        "self.hop + self.field / 2 + 320)",
        "train/test_audio_encoder.py",
    ),
    Mutation(
        "pretraining: the spectrum is that of the noisy sound",
        "train/emo_train/speech_samples.py",
        "log_mel(torch.from_numpy(normalized(waveform))",
        "log_mel(torch.from_numpy(normalized(heard))",
        "train/test_audio_encoder.py",
    ),
    Mutation(
        "pretraining: recordings teach a closed mouth",
        "train/audio_encoder.py",
        "(error.square().mean(dim=(1, 2, 3)) * batch.articulated).mean()",
        "error.square().mean()",
        "train/test_audio_encoder.py",
    ),
    Mutation(
        "pretraining: dropout and masking while training",
        "train/audio_encoder.py",
        "return super().train(False)",
        "return super().train(mode)",
        "train/test_audio_encoder.py",
    ),
    Mutation(
        "mechanisms: the mouth goes with its own sound twice",
        "emo/evaluation/rows.py",
        "tracks = [*jaws[shift:], *jaws[:shift]]",
        "tracks = jaws",
        "evaluation/test_rows.py",
    ),
    Mutation(
        "mechanisms: silence without time to shut the lips",
        "emo/evaluation/rows.py",
        "np.ones(2 * REST + 1)",
        "np.ones(1)",
        "evaluation/test_rows.py",
    ),
    Mutation(
        "mechanisms: motion frames are not taken away",
        "emo/evaluation/takes.py",
        "motion=features.motion.zeros()",
        "motion=features.motion",
        "evaluation/test_takes.py",
    ),
    Mutation(
        "mechanisms: videos of other weights or options are kept",
        "emo/evaluation/observation.py",
        'if json.loads(file.metadata()["made_of"]) != made_of:',
        "if False:",
        "evaluation/test_takes.py",
    ),
    Mutation(
        "mechanisms: borders count as inside",
        "emo/evaluation/motion_rows.py",
        "% frames != 0",
        "% frames != frames",
        "evaluation/test_rows.py",
    ),
    Mutation(
        "face mask: the frames shown are all it is made of",
        "emo/data/dataset.py",
        "around = slice(int(rng.integers(start + 1)), int(rng.integers(start + window, clip.frames + 1)))",
        "around = slice(start, start + window)",
        "data/test_dataset.py",
    ),
    Mutation(
        "synthetic people: heads hold their place",
        "emo/data/synthetic/motion.py",
        "drift(sway)",
        "drift(0.0)",
        "data/test_synthetic_speech.py",
    ),
    Mutation(
        "prepare: a second face does not matter",
        "emo/data/prepare/filters.py",
        "SEVERAL: some & (track.others > config.other_face),",
        "SEVERAL: some & (track.others < 0),",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: turned faces pass",
        "emo/data/prepare/filters.py",
        "np.abs(nose_angles(points) - 180) > config.max_angle",
        "np.abs(nose_angles(points) - 180) > 360",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: a head's tilt counts as a turn",
        "emo/data/prepare/filters.py",
        "along = (right - left) / np.maximum(np.linalg.norm(right - left, axis=1, keepdims=True), 1e-6)",
        "along = np.tile([1.0, 0.0], (len(nose), 1))",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: jumps pass",
        "emo/data/prepare/filters.py",
        "np.where(some[1:] & some[:-1], steps, 0.0)",
        "np.where(some[1:] & some[:-1], 0 * steps, 0.0)",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: a still mouth speaks",
        "emo/data/prepare/filters.py",
        "(loudness > config.loud) & (_spread(smooth(opening, 1.0)) > config.min_lip_motion)",
        "loudness > config.loud",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: voice-overs pass",
        "emo/data/prepare/piece.py",
        "< config.filters.min_sync",
        "< -2",
        "data/test_prepare_run.py",
    ),
    Mutation(
        "prepare: the crop leaves the picture",
        "emo/data/prepare/cut.py",
        "side = min(face / FACE_SHARE, room, *size)",
        "side = face / FACE_SHARE",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: sound from the file's own start",
        "emo/data/prepare/footage.py",
        "stated = round((frame.pts * stream.time_base - self._origin - start) * rate)",
        "stated = round((frame.pts - (stream.start_time or 0)) * stream.time_base * rate) - round(start * rate)",
        "data/test_prepare_footage.py",
    ),
    Mutation(
        "prepare: frames by number, not by time",
        "emo/data/prepare/footage.py",
        "return (number + Fraction(1, 2)) / self.fps",
        "return (number + 1) / self._rate",
        "data/test_prepare_footage.py",
    ),
    Mutation(
        "prepare: damaged pictures are shown",
        "emo/data/prepare/footage.py",
        "if not damaged and (before is None or time > before):",
        "if before is None or time > before:",
        "data/test_prepare_footage.py",
    ),
    Mutation(
        "prepare: labels stay in the whole picture",
        "emo/data/prepare/labels.py",
        "- (crop.x0, crop.y0)) * zoom",
        ") * zoom",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: one person's videos in both splits",
        "emo/data/prepare/people.py",
        "root[b] = a",
        "root[b] = b",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: tables stand while clips move",
        "emo/data/prepare/store.py",
        "(self.root / split / METADATA).unlink(missing_ok=True)",
        "(self.root / split / METADATA).exists()",
        "data/test_prepare_parts.py",
    ),
    Mutation(
        "prepare: a piece counts whose clips are lost",
        "emo/data/prepare/run.py",
        "if all(store.find(name) for info in result.clips for name in (info.file_name, info.labels)):",
        "if result is not None:",
        "data/test_prepare_run.py",
    ),
    Mutation(
        "prepare: copies are taken for other videos",
        "emo/data/prepare/run.py",
        "if found.fault or found.key in seen:",
        "if found.fault:",
        "data/test_prepare_run.py",
    ),
    Mutation(
        "speed: none is a wish of its own",
        "emo/pipelines/pipeline_emo.py",
        "return torch.zeros(shape, ",
        "return torch.ones(shape, ",
        "pipelines/test_pipeline.py",
    ),
    Mutation(
        "hub: half precision stays half",
        "emo/pipelines/saved_format.py",
        'kept["dtype"] = "float32"',
        "pass",
        "pipelines/test_saved_format.py::test_half_precision_in_shards_loads_as_float32",
    ),
    Mutation(
        "hub: old shards stay behind",
        "emo/pipelines/checks.py",
        "of(file) in new and file not in by",
        "False",
        "pipelines/test_saved_format.py::test_saving_over_shards_leaves_none_of_them",
    ),
    Mutation(
        "hub: a repository's pickles are not seen",
        "emo/pipelines/repository.py",
        "refuse_pickles(repo_id, files)",
        "pass",
        "hub/test_round_trip.py",
    ),
    Mutation(
        "origin: the seed of a generator that was used",
        "emo/pipelines/origin.py",
        "return seed if torch.equal(fresh.get_state(), generator.get_state()) else None",
        "return seed",
        "pipelines/test_origin_record.py::test_a_seed_is_told_only_where_it_gives_the_same",
    ),
    Mutation(
        "origin: a written video does not tell it",
        "emo/pipelines/write.py",
        "writer.finish(stream.audio, complete_origin(stream.origin, fingerprint))",
        "writer.finish(stream.audio)",
        "cli/test_like.py",
    ),
    Mutation(
        "origin: --like forgets the options",
        "emo/cli/like.py",
        "like.value(name, options.device) if like else DEFAULTS[name]",
        "DEFAULTS[name]",
        "cli/test_like.py::test_like_repeats_the_video",
    ),
    Mutation(
        "page: who leaves does not stop the work",
        "emo/ui/jobs.py",
        "return self.left.is_set() or time",
        "return time",
        "ui/test_jobs.py",
    ),
    Mutation(
        "page: two generations share the pipeline",
        "emo/ui/jobs.py",
        "while not self.jobs._pipeline.acquire(timeout=PULSE):",
        "while not (self.jobs._pipeline.acquire(timeout=PULSE) or self.jobs._pipeline.locked()):",
        "ui/test_jobs.py::test_the_pipeline_does_one_at_a_time",
    ),
    Mutation(
        "page: work without an end",
        "emo/ui/jobs.py",
        "if most is not None and time.monotonic() - self.started > 60 * most:",
        "if False:",
        "ui/test_jobs.py::test_the_time_is_up",
    ),
    Mutation(
        "page: work that nobody asks about goes on",
        "emo/ui/jobs.py",
        " or time.monotonic() - self.asked > ABANDONED",
        "",
        "ui/test_jobs.py::test_nobody_asks",
    ),
    Mutation(
        "page: messages tell the server's folders",
        "emo/ui/request.py",
        "message = message.replace(str(path), name)",
        "pass",
        "ui/test_request.py",
    ),
    Mutation(
        "page: the length of a recording is not limited",
        "emo/ui/request.py",
        "if seconds > most:",
        "if False:",
        "ui/test_request.py",
    ),
    Mutation(
        "page: errors of the region stand at the portrait",
        "emo/ui/request.py",
        'field = "region"\n',
        'field = "portrait"\n',
        "ui/test_request.py",
    ),
    Mutation(
        "page: the frames so far are the first ones",
        "emo/ui/preview.py",
        "self._kept[::2]",
        "self._kept[:MOST]",
        "ui/test_preview.py",
    ),
    Mutation(
        "page: the password is not asked",
        "emo/ui/server.py",
        "auth=None if password is None else allowed",
        "auth=None",
        "ui/test_page.py::test_the_model_is_not_sent",
    ),
    Mutation(
        "page: uploads of any size",
        "emo/ui/server.py",
        "max_file_size=None if limits.upload is None else round(limits.upload * 1_000_000)",
        "max_file_size=None",
        "ui/test_page.py::test_uploads_are_limited",
    ),
    Mutation(
        "page: all files are sent",
        "emo/ui/server.py",
        "allowed_paths=[],",
        'allowed_paths=["/"],',
        "ui/test_page.py::test_no_other_file_is_ever_sent",
    ),
    Mutation(
        "page: the closed folders are open",
        "emo/ui/server.py",
        "return sorted({str(place.resolve()) for place in places if not own.is_relative_to(place.resolve())})",
        "return []",
        "ui/test_page.py::test_closed_folders_leave_the_pages_own_open",
    ),
    Mutation(
        "page: what was uploaded and made stays",
        "emo/ui/server.py",
        "shutil.rmtree(folder, ignore_errors=True)",
        "pass",
        "ui/test_page.py::test_the_model_is_not_sent",
    ),
    Mutation(
        "page: no limits for strangers",
        "emo/cli/ui.py",
        "STRANGERS if open_to_others else Limits()",
        "Limits()",
        "cli/test_ui.py::test_strangers_get_limits",
    ),
    Mutation(
        "evaluation: the truth is read from the generated video",
        "emo/evaluation/compare/measures.py",
        "self.reference and Case(self.reference, ",
        "self.reference and Case(self.generated, ",
        "evaluation/test_compare.py",
    ),
    Mutation(
        "evaluation: what is kept is known by its place, not its content",
        "emo/evaluation/compare/clip.py",
        "self.digest = sha256(path)",
        "self.digest = path.name.encode().hex().ljust(64, '0')",
        "evaluation/test_compare.py",
    ),
    Mutation(
        "evaluation: distances of the real videos alone",
        "emo/evaluation/compare/distances.py",
        'for clips, name in ((generated, "generated"), (real, "real")):',
        'for clips, name in ((real := list(real), "generated"), (real, "real")):',
        "evaluation/test_compare.py",
    ),
    Mutation(
        "evaluation: best clips last",
        "emo/evaluation/compare/summary.py",
        'sign = -1 if measure.better == "higher" else 1',
        'sign = 1 if measure.better == "higher" else -1',
        "evaluation/test_compare.py",
    ),
    Mutation(
        "evaluation: the portrait is the generated video's own",
        "emo/evaluation/compare/run.py",
        "Portrait(pair.portrait, reference)",
        "Portrait(pair.portrait, generated)",
        "evaluation/test_compare.py",
    ),
    Mutation(
        "measures: similarity of sequences without covariance",
        "emo/metrics/sequences.py",
        "(2 * covariance + c2)",
        "(2 * np.sqrt(one.var(0) * other.var(0)) + c2)",
        "metrics/test_sequences.py",
    ),
    Mutation(
        "measures: stability of speeds, not of accelerations",
        "emo/metrics/stability.py",
        "np.diff(points, n=2, axis=0)",
        "np.diff(points, n=1, axis=0)",
        "metrics/test_sequences.py",
    ),
    Mutation(
        "measures: brows move with the head",
        "emo/metrics/expression.py",
        "points = points @ rotations(points)",
        "points = points + 0",
        "metrics/test_expression.py",
    ),
    Mutation(
        "measures: flutter counts as blinks",
        "emo/metrics/expression.py",
        "elif shut and closed < OPEN:",
        "elif shut and closed < SHUT:",
        "metrics/test_expression.py",
    ),
    Mutation(
        "Fréchet: means left out",
        "emo/metrics/frechet.py",
        "np.square(one.mean - other.mean).sum() + spread",
        "spread",
        "metrics/test_frechet.py",
    ),
    Mutation(
        "pictures: mean of the frames' own ratios",
        "emo/metrics/pictures.py",
        'mean = check_track(squared_error, "the squared errors").mean()',
        'mean = np.exp(np.log(check_track(squared_error, "the squared errors") + 1e-9).mean())',
        "metrics/test_pictures.py",
    ),
    Mutation(
        "networks: colours in the wrong order",
        "emo/metrics/networks.py",
        'if spec.colour == "BGR"',
        'if spec.colour == "RGB"',
        "metrics/test_extractors.py",
    ),
    Mutation(
        "fetch: any file is taken",
        "emo/metrics/fetch.py",
        "            if found != entry.sha256:",
        "            if False:",
        "metrics/test_fetch.py",
    ),
    Mutation(
        "media: any kind of container, any protocol",
        "emo/media/demuxer.py",
        "self._file, options=options, ",
        "self._file, ",
        "media/test_demuxer.py",
    ),
    Mutation(
        "media: decord opens what it likes",
        "emo/media/video.py",
        "    if not _is_unmistakable(track.path):",
        "    if False:",
        "media/test_demuxer.py",
    ),
    Mutation(
        "media: decord is given names, not paths",
        "emo/media/video.py",
        "track.path.absolute(), decord",
        "track.path, decord",
        "media/test_demuxer.py",
    ),
    Mutation(
        "media: the first track of sound",
        "emo/media/demuxer.py",
        "(s for s in known if s.disposition & Disposition.default)",
        "(s for s in known)",
        "media/test_sound.py",
    ),
    Mutation(
        "media: a cover picture is the video",
        "emo/media/demuxer.py",
        " if not s.disposition & (Disposition.attached_pic | Disposition.still_image)",
        "",
        "media/test_picture.py",
    ),
    Mutation(
        "media: pauses of the sound are left out",
        "emo/media/sound.py",
        "if self._silence + at - place <= MAX_SILENCE * self.rate:",
        "if False:",
        "media/test_sound.py",
    ),
    Mutation(
        "media: sound is played twice",
        "emo/media/sound.py",
        "late = min(place - at, frame.samples)",
        "late = 0",
        "media/test_sound.py",
    ),
    Mutation(
        "media: timestamps that begin anew silence the rest",
        "emo/media/sound.py",
        "elif place - at > MAX_OVERLAP * self.rate:",
        "elif False:",
        "media/test_sound.py",
    ),
    Mutation(
        "media: channels cancel each other",
        "emo/media/sound.py",
        "OUT_OF_PHASE * powers.mean()",
        "0",
        "media/test_sound.py",
    ),
    Mutation(
        "media: channels that change are mixed with others",
        "emo/media/sound.py",
        "if window and len(block) != len(window[0]):",
        "if False:",
        "media/test_sound.py",
    ),
    Mutation(
        "media: no word of a silent track",
        "emo/media/audio.py",
        "(others := source.num_others())",
        "(others := 0)",
        "media/test_sound.py",
    ),
    Mutation(
        "media: sound of the video at 16 kHz",
        "emo/media/writer.py",
        "aformat=sample_rates=44100|48000",
        "aformat=sample_rates=16000",
        "media/test_sound.py",
    ),
    Mutation(
        "media: mirrors are passed over",
        "emo/media/picture.py",
        "        if self.mirrored:",
        "        if False:",
        "media/test_picture.py",
    ),
    Mutation(
        "media: all pixels are square",
        "emo/media/picture.py",
        "if ratio and 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED:",
        "if False:",
        "media/test_picture.py",
    ),
    Mutation(
        "media: absurd pixels are believed",
        "emo/media/picture.py",
        "if ratio and 1 / MOST_STRETCHED <= ratio <= MOST_STRETCHED:",
        "if ratio:",
        "media/test_picture.py",
    ),
    Mutation(
        "media: high dynamic range is taken as it is",
        "emo/media/tone.py",
        "return transfer in (PQ, HLG) or primaries in TO_BT709",
        "return False",
        "media/test_picture.py",
    ),
    Mutation(
        "media: HLG without its screen's gamma",
        "emo/media/tone.py",
        "luminance ** (HLG_GAMMA - 1)",
        "1",
        "media/test_tone.py",
    ),
    Mutation(
        "media: brightness is cut off",
        "emo/media/tone.py",
        "np.where(brightest > KNEE, rolled / brightest, 1)",
        "1",
        "media/test_tone.py",
    ),
    Mutation(
        "media: BT.601 for high definition",
        "emo/media/picture.py",
        "frame.colorspace == UNSPECIFIED and frame.height > HIGH_DEFINITION",
        "False",
        "media/test_picture.py",
    ),
    Mutation(
        "media: combs stay",
        "emo/media/picture.py",
        "picture = without_combs(picture)",
        "picture = picture + 0",
        "media/test_picture.py",
    ),
    Mutation(
        "media: half the lines go",
        "emo/media/picture.py",
        "COMBED = 100",
        "COMBED = -1",
        "media/test_picture.py",
    ),
    Mutation(
        "media: decord's picture is not looked at",
        "emo/media/video.py",
        "return frames if alike and len(",
        "return frames if len(",
        "media/test_picture.py",
    ),
    Mutation(
        "media: the picture of the frame's end",
        "emo/media/timing.py",
        "(number + Fraction(1, 2)) / self.fps",
        "(number + Fraction(3, 2)) / self.fps",
        "media/test_timing.py",
    ),
    Mutation(
        "media: damaged timestamps are believed",
        "emo/media/timing.py",
        "len(packets) > 1 and seconds > len(packets) / Fraction(LEAST_RATE)",
        "False",
        "media/test_timing.py",
    ),
    Mutation(
        "media: a coarse rate is believed",
        "emo/media/timing.py",
        "return next(meant, average) if step >= COARSE else average",
        "return average",
        "media/test_picture.py",
    ),
    Mutation(
        "media: a short stretch tells the rate",
        "emo/media/timing.py",
        "mean = sum(number for _, number in fitting) / sum(gap for gap, _ in fitting)",
        "mean = 1 / one",
        "media/test_timing.py",
    ),
    Mutation(
        "media: color profiles are passed over",
        "emo/media/image.py",
        "    if profile is not None:",
        "    if False:",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: sRGB's own profile rounds",
        "emo/media/image.py",
        "<= SAME",
        "< 0",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: texts lose a picture",
        "emo/media/image.py",
        "elif kind not in PNG_TEXT:",
        "else:",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: a profile of any size is unpacked",
        "emo/media/image.py",
        "decompress(packed[1:], MAX_PROFILE)",
        "decompress(packed[1:])",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: any format of pictures",
        "emo/media/image.py",
        "Image.open(file, formats=formats)",
        "Image.open(file)",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: damaged EXIF data lose a picture",
        "emo/media/image.py",
        "    with suppress(Exception):  # of damaged EXIF",
        "    with suppress(KeyError):  # of damaged EXIF",
        "media/test_image_metadata.py",
    ),
    Mutation(
        "media: a margin on the left stays",
        "emo/media/demuxer.py",
        "codec_context.flags |= Flags.unaligned",
        "codec_context.flags |= Flags.output_corrupt",
        "media/test_picture.py",
    ),
)


def run_tests(tests: set[str], mutation: Mutation | None = None) -> tuple[str | None, str]:
    """Run tests in a copy of the checkout: the first one that failed, if any, and pytest's last line."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if mutation is not None:
            source = (copy / mutation.file).read_text(encoding="utf-8")
            assert source.count(mutation.old) == 1
            (copy / mutation.file).write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
        data = os.environ.get("EMO_TEST_DATA", str(ROOT.parent / "shared" / "data"))
        environment = (
            os.environ
            | {"PYTHONPATH": str(copy), "EMO_TEST_DATA": data, "PYTHONDONTWRITEBYTECODE": "1"}
            | {"OMP_NUM_THREADS": "1"}
        )
        options = ["-q", "-x", "--tb=no", "-rfE", "-p", "no:cacheprovider", "-m", "not slow"]
        result = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *(f"tests/{test}" for test in sorted(tests))],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
        )
    assert result.returncode in (0, 1), f"pytest could not run:\n{result.stdout}{result.stderr}"
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", result.stdout, re.MULTILINE)
    assert (failed is None) == (result.returncode == 0), result.stdout
    return failed and failed[1], result.stdout.strip().splitlines()[-1]


def misfit(mutation: Mutation) -> str | None:
    """What is wrong with a mutation whose place in the source is not found, or not just once."""
    count = (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old)
    return None if count == 1 else f"{mutation.name}: {mutation.old!r} occurs {count} times in {mutation.file}"


def main(names: list[str]) -> int:
    chosen = [m for m in MUTATIONS if not names or any(name in m.name for name in names)]
    if not chosen:
        sys.exit(f"no mutation with {' or '.join(names)} in its name")
    if misfits := [line for line in map(misfit, chosen) if line]:
        sys.exit("\n".join(misfits))
    failed, last = run_tests({test for mutation in chosen for test in mutation.tests.split()})
    if failed:
        sys.exit(f"{failed} fails without any change; nothing can be learned")
    print(f"unchanged: {last}", flush=True)
    unnoticed = 0
    for mutation in chosen:
        failed, _ = run_tests(set(mutation.tests.split()), mutation)
        unnoticed += failed is None
        print(f"{mutation.name}: {failed or 'NOT NOTICED by ' + mutation.tests}", flush=True)
    print(f"{len(chosen)} mutations, {unnoticed} not noticed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
