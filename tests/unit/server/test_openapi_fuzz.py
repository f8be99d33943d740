"""The application against its own OpenAPI page: no 500, no status and no body that the page does not know."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.helpers.relayer_site import open_relayer_site

_SITE = open_relayer_site()
_SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", _SITE.app)
_SCHEMA.config.generation.update(with_security_parameters=False)
# The page of a server whose answers are bounded: what it does with time is tests/unit/server/test_slow_clients.py.
_CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@_SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_operation__generated_requests__get_documented_answers(case: Any) -> None:
    response = case.call()
    # 503 is an answer of ours, with a reason: a server error is any other.
    checks = _CHECKS[1:] if response.status_code == 503 else _CHECKS
    case.validate_response(response, checks=list(checks))
    signed = [record for record in _SITE.journal.records if record.admitted is not None]
    assert len(signed) <= len(_SITE.journal.records)
