"""Layers that several GANs share."""

from jaxgan.nets.activation import leaky_relu
from jaxgan.nets.conv import Conv, ConvTranspose, UpsampleConv
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.embed import Condition, Embed
from jaxgan.nets.grouped import GroupedConv
from jaxgan.nets.init import uniform_within
from jaxgan.nets.minibatch import append_std
from jaxgan.nets.norm import BatchNorm, Norm, norms

__all__ = ["BatchNorm", "Condition", "Conv", "ConvTranspose", "Dropout", "Embed", "GroupedConv", "Norm"]
__all__ += ["UpsampleConv", "append_std", "leaky_relu", "norms", "uniform_within"]
