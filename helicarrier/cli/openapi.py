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
    from helicarrier.api.app import create_app
    from helicarrier.api.contract import openapi as document_of
    from helicarrier.settings import Settings

    print_json(document_of(create_app(Settings())))
