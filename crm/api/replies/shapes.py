"""What shapes of answers are made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Named(BaseModel):
    """A reference. The name is null where you may not see what it points to."""

    model_config = ConfigDict(extra="forbid")
    id: int
    name: str | None


class StageName(Named):
    kind: Literal["open", "won", "lost", "dormant"] | None


class Amount(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: str = Field(examples=["1250.00"])
    currency: str = Field(examples=["AED"])


class Out(BaseModel):
    model_config = ConfigDict(extra="forbid")
