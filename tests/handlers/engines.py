"""Small engines for the tests: a trainer and an evaluator whose network is one number."""

import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.transforms import AsDiscreted

SPACING = (0.5, 1.0, 2.0)


def item(name, patient="p", shift=0, empty=False):
    """A bright box in the image, and a reference that lies `shift` voxels off along X."""
    image, label = torch.zeros(1, 16, 14, 6), torch.zeros(1, 16, 14, 6)
    if not empty:
        image[0, 4:8, 4:10, 2:4] = 1
    label[0, 4 + shift : 8 + shift, 4:10, 2:4] = 1
    affine = torch.diag(torch.tensor([*SPACING, 1.0])).double()
    return {
        "image": MetaTensor(image, affine=affine, meta={"filename_or_obj": f"/data/{name}.nii"}),
        "label": MetaTensor(label, affine=affine),
        "name": name,
        "patient": patient,
    }


class Scale(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        return x * self.weight


def evaluator(items, handlers, batch_size=1, key=None):
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=batch_size),
        network=Scale(),
        postprocessing=AsDiscreted(keys="pred", threshold=0.5),
        key_val_metric=key,
        val_handlers=handlers,
        decollate=True,
    )


def trainer(items, handlers, epochs=2):
    network = Scale()
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=DataLoader(Dataset(items), batch_size=1),
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.25),
        loss_function=torch.nn.MSELoss(),
        train_handlers=handlers,
    )
