"""What every section of the config is made of: a frozen model that refuses unknown keys, and the kinds of value."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline.config.addresses import refuse_credentials

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
PositiveFraction = Annotated[float, Field(gt=0.0, le=1.0)]
BuildId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Address = Annotated[str, AfterValidator(refuse_credentials)]
"""A path or URI that holds no credential."""


QuarantineReason = Literal[
    "crashed", "damaged", "deadline", "empty", "encrypted", "missing", "no_pages", "not_a_document", "too_large", "unsupported"
]
"""Why a document never gave a page."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
