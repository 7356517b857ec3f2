"""A cache is made: the features of every clip of a dataset, computed once."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from safetensors.torch import save

from emo.data.cache import COMPLETE, cached_file
from emo.data.features import CachedFeature, cache_path
from emo.data.format import SPLITS
from emo.data.reader import ClipReader
from emo.files import write_whole, writing_into
from emo.locks import claim_folder


def build_cache(root: str | Path, features: Mapping[str, CachedFeature], size: int) -> Iterator[tuple[int, int]]:
    """Compute the features of every clip of a dataset; what is there from an earlier run stays.

    Per clip a safetensors file in `cache_path`, with a tensor for each feature that the clip has.

    Args:
        root: the dataset.
        features: by name.
        size: pixels to which frames are scaled.

    Yields:
        Clips done and clips in all, after each.

    Raises:
        DatasetError: the dataset is damaged.
        OutputError: the cache cannot be written, or somebody else is writing it.
    """
    root = Path(root)
    folder = cache_path(root, features, size)
    splits = [split for split in SPLITS if (root / split).is_dir() and any((root / split).glob("*.safetensors"))]
    readers = [ClipReader(root, split, size=size) for split in splits or SPLITS[:1]]
    total = sum(len(reader) for reader in readers)
    with claim_folder(folder):
        done = 0
        for reader in readers:
            for number, clip in enumerate(reader.clips):
                path = cached_file(folder, clip)
                if not path.is_file():
                    with writing_into(path.parent):
                        path.parent.mkdir(parents=True, exist_ok=True)
                    values = {name: feature.compute(reader, number) for name, feature in features.items()}
                    tensors = {name: value.contiguous() for name, value in values.items() if value is not None}
                    write_whole(path, save(tensors))
                done += 1
                yield done, total
        write_whole(folder / COMPLETE, b"")
