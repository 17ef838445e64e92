"""Settings as a resource: read from the environment of the process that runs the work.

Dagster shows the configuration of every resource to whoever may see its pages, and the address of
the operational store may hold a password. So this resource carries only what differs from the
environment; the rest is read where it is needed.
"""

import os
from typing import Self

import dagster as dg
import msgspec
from pydantic import Field

from helicarrier import settings as configuration
from helicarrier.settings import PREFIX, SECRETS, Settings


class SettingsResource(dg.ConfigurableResource):
    """The settings of the process, with some of its variables replaced."""

    variables: dict[str, str] = Field(
        default={}, description="HELICARRIER_ variables that win over those of the environment."
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The resource that gives these settings in a process with this environment."""
        here = configuration.load()
        return cls(
            variables={
                f"{PREFIX}{field.name.upper()}": str(value)
                for field in msgspec.structs.fields(Settings)
                if field.name not in SECRETS
                and (value := getattr(settings, field.name)) != getattr(here, field.name)
            }
        )

    def load(self) -> Settings:
        """The settings.

        Raises:
            UsageError: a variable holds a value that cannot be read.
        """
        return configuration.load(os.environ | self.variables)
