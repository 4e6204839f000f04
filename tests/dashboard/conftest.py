"""A dashboard process' store, queue and settings, of a home of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.settings import Settings, get_settings
from core.store.store import Store
from dashboard.routes.blobs import blob_routes
from dashboard.session import get_queue, get_store


def use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be a dashboard with these settings."""
    monkeypatch.setenv("GAZEGRID_HOME", str(settings.home))
    if settings.redis_url is not None:
        monkeypatch.setenv("GAZEGRID_REDIS_URL", settings.redis_url.get_secret_value())
    get_settings.cache_clear()
    st.cache_resource.clear()


@pytest.fixture
def store(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The pages' own store; the real Redis is theirs too."""
    use(settings, monkeypatch)
    yield get_store()
    get_queue().redis.close()
    get_settings.cache_clear()
    st.cache_resource.clear()


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:  # noqa: ARG001  the routes ask for the same store
    """A browser that asks the routes alone."""
    with TestClient(Starlette(routes=blob_routes())) as made:
        yield made
