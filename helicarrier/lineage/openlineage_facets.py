"""The run facet of this project: what OpenLineage has no name for."""

import attr
from openlineage.client.facet_v2 import RunFacet


@attr.define
class HelicarrierRunFacet(RunFacet):
    """Code, configuration, process and counters of a run; names as the standard spells them."""

    partition: str | None
    codeRef: str  # noqa: N815
    configHash: str  # noqa: N815
    inputFingerprint: str | None  # noqa: N815
    host: str
    pid: int
    rowsIn: int  # noqa: N815
    rowsOut: int  # noqa: N815
    tokens: int
    llmCalls: int  # noqa: N815
