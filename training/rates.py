"""How fast each layer of an encoder learns."""

from __future__ import annotations

from transformers import PreTrainedModel

from training.loop import Group
from training.pruning import layers_of


def encoder_groups(encoder: PreTrainedModel, rate: float, decay: float) -> list[Group]:
    """The encoder's parameters that learn, the upper layers at ``rate``.

    Each layer's rate is ``decay`` times that of the one above it, and the embeddings' that of the
    lowest: what is below holds for any text and needs to change least (discriminative fine-tuning,
    Howard and Ruder 2018, arXiv 1801.06146).
    """
    layers = layers_of(encoder)
    if decay == 1:
        return [Group([each for each in encoder.parameters() if each.requires_grad], rate)]
    groups, held = [], set[int]()
    for above, layer in enumerate(reversed(layers)):
        learning = [each for each in layer.parameters() if each.requires_grad]
        groups.append(Group(learning, rate * decay**above))
        held |= {id(each) for each in learning}
    rest = [e for e in encoder.parameters() if e.requires_grad and id(e) not in held]
    groups.append(Group(rest, rate * decay ** len(layers)))
    return [group for group in groups if group.parameters]
