import os
from pathlib import Path

import aiohttp
import pytest

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.plan import EmbeddedOptions, embedded_components
from hortus_server.adapters.embedded.weights.catalogue import find_model
from hortus_server.adapters.embedded.weights.store import WeightsStore

MODEL = "qwen2.5-coder-0.5b"
MODELS = os.environ.get("HORTUS_MODELS_DIR")
WEIGHTS = WeightsStore(Path(MODELS)).path(find_model(MODEL), find_model(MODEL).file[0]) if MODELS else None

pytestmark = [
    pytest.mark.realmodel,
    pytest.mark.skipif(
        WEIGHTS is None or not WEIGHTS.exists(), reason=f"set HORTUS_MODELS_DIR to a folder that has {MODEL}"
    ),
]


async def test_model_answers_in_the_schema_with_the_key_only_and_counts_cached_tokens(
    home: HortusHome, supervised
) -> None:
    assert MODELS is not None
    options = EmbeddedOptions(
        home=HortusHome(root=home.root, models=Path(MODELS)), only=frozenset({"model"}), model_id=MODEL
    )
    plan = await embedded_components(options)
    url, key = plan.environment["HORTUS_MODEL_URL"], plan.environment["HORTUS_MODEL_API_KEY"]
    schema = {"type": "object", "properties": {"capital": {"type": "string"}}, "required": ["capital"]}
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "What is the capital of France? Answer in JSON."}],
        "max_tokens": 32,
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
    }
    async with supervised(*plan.components, timeout_s=100), aiohttp.ClientSession() as session:
        async with session.post(f"{url}/chat/completions", json=body) as response:
            assert response.status == 401
        headers = {"Authorization": f"Bearer {key}"}
        answers = []
        for _ in range(2):
            async with session.post(f"{url}/chat/completions", json=body, headers=headers) as response:
                answers.append(await response.json())
        async with session.get(f"{url.removesuffix('/v1')}/metrics", headers=headers) as response:
            metrics = await response.text()
    assert "Paris" in answers[0]["choices"][0]["message"]["content"]
    assert answers[1]["usage"]["prompt_tokens_details"]["cached_tokens"] > 0
    assert "llamacpp:prompt_tokens_total" in metrics


async def test_file_of_ones_own_is_served_under_its_name(home: HortusHome) -> None:
    options = EmbeddedOptions(home=home, only=frozenset({"model"}), model_file=WEIGHTS)
    plan = await embedded_components(options)
    assert plan.environment["HORTUS_MODEL_NAME"] == "qwen2.5-coder-0.5b-instruct-q4_k_m"
    assert plan.components[0].prepare is None
