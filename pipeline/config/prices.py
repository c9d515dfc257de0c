"""What an hour of the machines costs its owner. No part of the recipe: prices may change without anything being read again, and
hours are what is stored."""

from pydantic import Field, NonNegativeFloat

from pipeline.config.values import Section


class PricesConfig(Section):
    """All of it is the owner's word: nothing here has a default, because a price that nobody gave is no price."""

    currency: str = Field(min_length=1, max_length=16)
    """Stands behind every sum, `USD` or `EUR`; nothing is converted."""
    gpu_hour: NonNegativeFloat
    """Of one GPU, held or busy. 0 for machines without one."""
    cpu_hour: NonNegativeFloat
    """Of one logical CPU. 0 where the CPUs come with the GPU: a machine of 8 GPUs that costs 20.00 an hour in all is
    `gpu_hour: 2.5`, `cpu_hour: 0`."""
