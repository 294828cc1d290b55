"""An item's random numbers come from seed, epoch and index, not from the order of loading."""

import torch
from monai.data import DataLoader
from monai.transforms import Compose, RandGaussianNoised

from patchseg.data import SeededCacheDataset


def images(order, seed=0, epoch=1, workers=0):
    transform = Compose([RandGaussianNoised("image", prob=1.0)])
    data = [{"image": torch.zeros(1, 4, 4)} for _ in range(4)]
    dataset = SeededCacheDataset(data, transform, seed=seed, progress=False)
    dataset.epoch = epoch
    loader = DataLoader(torch.utils.data.Subset(dataset, order), batch_size=1, num_workers=workers)
    return {index: batch["image"] for index, batch in zip(order, loader, strict=True)}


def test_order_and_workers_do_not_matter():
    forwards, backwards, two = images([0, 1, 2, 3]), images([3, 2, 1, 0]), images([0, 1, 2, 3], workers=2)
    for index in range(4):
        assert torch.equal(forwards[index], backwards[index])
        assert torch.equal(forwards[index], two[index])


def test_items_epochs_and_seeds_differ():
    one = images([0, 1])
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one[0], images([0], epoch=2)[0])
    assert not torch.equal(one[0], images([0], seed=1)[0])
