"""The learning rate of the click bundles is defined for any number of epochs."""

import pytest
import torch
from monai.bundle import ConfigParser

from patchseg.bundles import bundle_root


@pytest.mark.parametrize("bundle", ["seqpatch_prostate", "seqpatch_kidney"])
def test_any_number_of_epochs_has_a_rate(bundle: str) -> None:
    config = ConfigParser()
    config.read_config(str(bundle_root(bundle) / "configs" / "train.json"))
    for epochs in (1, 2, 18, 19, 20, 39, 100):
        optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
        config.update({"max_epochs": epochs, "optimizer": optimizer})
        config.parse(reset=True)
        scheduler = config.get_parsed_content("lr_scheduler")
        rates = []
        for _ in range(epochs):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        assert min(rates) > 0 and max(rates) <= 0.001
