"""Attribution maps: how much each pixel of an image counts for a class."""

from collections import Counter
from collections.abc import Callable, Mapping

import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, Saliency
from torch import Tensor, nn

from ferlab.data.imageset import SIZE
from ferlab.errors import ConfigError, DataError
from ferlab.models.classifier import Classifier, to_unit
from ferlab.models.ensemble import Ensemble

BATCH = 32
"""Images that are explained at once, so that many fit in memory."""

STEPS = 32
"""Points at which the gradient is taken for an integral."""


def attribute(classifier: nn.Module, images: Tensor, classes: Tensor, method: str) -> Tensor:
    """How much each pixel counts for a class: one map for each image.

    A map is at least 0 everywhere and sums to 1, so that maps of different images, networks and
    methods can be compared. It is 0 everywhere where nothing counts: Grad-CAM finds at times that
    no part of an image speaks for the class.

    What is explained is the class's logit for the image alone, also where the classifier scores
    over several views. The map of an ensemble is the mean of its members' maps.

    Args:
        classifier: a `Classifier`, or an `Ensemble` of them. It is put into evaluation mode and
            stays in it; nothing else of it changes.
        images: uint8, shape (n, 48, 48), on the classifier's device.
        classes: of each image the class to be explained, int64, shape (n,).
        method: one of `METHODS`.

    Returns:
        float32, shape (n, 48, 48), on the same device, without a gradient.

    Raises:
        ConfigError: there is no such method.
        DataError: the classifier is another one, the images or classes have another type or shape,
            or there is no convolution for Grad-CAM.
    """
    make = method_named(method)
    if images.dtype != torch.uint8 or images.shape[1:] != (SIZE, SIZE):
        raise DataError(
            f"images must be uint8 of shape (n, {SIZE}, {SIZE}), not {images.dtype} of shape "
            f"{tuple(images.shape)}"
        )
    if classes.shape != images.shape[:1]:
        raise DataError(f"{len(images)} images and classes of shape {tuple(classes.shape)}")
    classifier.eval()
    if isinstance(classifier, Ensemble):
        members = [attribute(member, images, classes, method) for member in classifier.members]
        return _shares(torch.stack(members).mean(dim=0))
    if not isinstance(classifier, Classifier):
        raise DataError(f"a {type(classifier).__name__} cannot be explained; a Classifier can")
    if not len(images):
        return torch.zeros(images.shape, device=images.device)
    maps = []
    parts = zip(torch.split(images, BATCH), torch.split(classes, BATCH), strict=True)
    for shown, meant in parts:
        with torch.enable_grad():
            maps.append(make(classifier, to_unit(shown).requires_grad_(), meant).detach())
    return _shares(torch.cat(maps).squeeze(1))


def method_named(name: str) -> "Method":
    """A function of `METHODS`.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in METHODS:
        raise ConfigError(f"there is no method '{name}'; there are {', '.join(METHODS)}")
    return METHODS[name]


def _shares(maps: Tensor) -> Tensor:
    """Maps that sum to 1, of maps that are at least 0; one of zeros stays."""
    sums = maps.sum(dim=(1, 2), keepdim=True)
    return maps / sums.where(sums > 0, 1)


def _grad_cam(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks", eq. 1-2."""
    cam = LayerGradCam(classifier.score, last_maps(classifier.network, images))
    maps = cam.attribute(images, classes, relu_attributions=True)
    enlarged: Tensor = LayerAttribution.interpolate(maps, (SIZE, SIZE), "bilinear")
    return enlarged


def _integrated_gradients(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", eq. 1.

    The path begins at a flat image of the same mean grey: in front of black, the usual baseline,
    dark eyes and mouths would count for nothing.
    """
    flat = images.detach().mean(dim=(2, 3), keepdim=True).expand_as(images)
    found: Tensor = IntegratedGradients(classifier.score).attribute(
        images, flat, classes, n_steps=STEPS, internal_batch_size=2 * BATCH
    )
    return found.abs()


def _saliency(classifier: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """Simonyan et al. 2014, "Deep Inside Convolutional Networks", section 3.1."""
    found: Tensor = Saliency(classifier.score).attribute(images, classes, abs=True)
    return found


Method = Callable[[Classifier, Tensor, Tensor], Tensor]
"""A classifier, images in [0, 1], float (n, 1, 48, 48), classes (n,) -> maps (n, 1, 48, 48)."""

METHODS: Mapping[str, Method] = {
    "grad_cam": _grad_cam,
    "integrated_gradients": _integrated_gradients,
    "saliency": _saliency,
}
"""What each name of a method computes."""


def last_maps(network: nn.Module, images: Tensor) -> nn.Module:
    """The module whose output are the network's last maps: where Grad-CAM looks.

    They are the maps at the size of the last convolution, after all that keeps this size, and so
    before any pooling. For the networks of ``conf/model`` that is the last stage's end, or what
    stands before the pooling in it.

    Args:
        network: float (n, 1, 48, 48) -> logits.
        images: to try it with.

    Raises:
        DataError: no convolution makes maps of more than one pixel.
    """
    called: list[tuple[nn.Module, torch.Size]] = []

    def note(module: nn.Module, _: object, made: object) -> None:
        # More than one pixel and channel: no gate of an attention.
        if isinstance(made, Tensor) and made.dim() == 4 and made.shape[1] > 1 < made[0, 0].numel():
            called.append((module, made.shape[2:]))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    try:
        with torch.no_grad():
            network(images[:1])
    finally:
        for hook in hooks:
            hook.remove()
    times = Counter(module for module, _ in called)
    # What is called more than once, such as one ReLU for all, stands for no place in the network.
    once = [(module, size) for module, size in called if times[module] == 1]
    sizes = [size for module, size in once if isinstance(module, nn.Conv2d)]
    if not sizes:
        raise DataError("the network has no convolution whose maps Grad-CAM could show")
    return [module for module, size in once if size == sizes[-1]][-1]
