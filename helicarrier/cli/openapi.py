"""`helicarrier openapi`: the contract of the HTTP service as one document."""

import click

from helicarrier.cli.common import print_json


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP service.

    \b
    EXAMPLES
      helicarrier openapi
    """
    from helicarrier.api import app
    from helicarrier.settings import Settings

    print_json(app.openapi(app.create_app(Settings())))
