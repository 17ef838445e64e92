"""Resources: how Dagster code reaches the stores, one thin class for each store of the package.

What belongs here: opening a store for the length of a block and closing it after it. What does not:
what is read or written in that block, which is the package's part.
"""

from helicarrier.settings import Settings
from resources.configuration import SettingsResource
from resources.stores import LakeResource, OperationalResource
from resources.warehouse import WarehouseResource

__all__ = [
    "LakeResource",
    "OperationalResource",
    "SettingsResource",
    "WarehouseResource",
    "resources_of",
]


def resources_of(settings: Settings) -> dict[str, object]:
    """The resources of a process with these settings, by the name under which assets ask."""
    return {
        "settings": SettingsResource.of(settings),
        "operational": OperationalResource.of(settings),
        "lake": LakeResource(root=str(settings.lake_dir.absolute())),
        "warehouse": WarehouseResource(
            database=str(settings.warehouse_path.absolute()),
            variables=SettingsResource.of(settings).variables,
        ),
    }
