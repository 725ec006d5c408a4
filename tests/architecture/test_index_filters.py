"""What the vector index is asked for: a request of another kind needs a look at its tenant first."""

import ast
from pathlib import Path

ADAPTER = Path(__file__).parents[2] / "memory" / "hortus_memory" / "adapters" / "qdrant.py"
# Requests that read or change points, each with what keeps it to one tenant.
BOUND = {
    "query_batch_points": "build_filter",
    "count": "build_filter",
    "upsert": "to_struct",  # the id is derived from tenant and id, and the payload holds the tenant
    "delete": "point_id",  # ids that no other tenant's points have
}
# About the collection, not about anybody's points.
COLLECTION = {
    "collection_exists", "create_collection", "create_payload_index", "get_collection",
    "scroll",  # one point's `embedding`, the name of the model, where the server keeps no metadata
}  # fmt: skip


def methods() -> dict[str, ast.AsyncFunctionDef]:
    tree = ast.parse(ADAPTER.read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)}


def requests_of(method: ast.AsyncFunctionDef) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "self._client"
    }


def test_every_request_for_points_is_bound_to_a_tenant():
    seen: set[str] = set()
    for name, method in methods().items():
        for request in requests_of(method):
            seen.add(request)
            if request in BOUND:
                assert BOUND[request] in ast.unparse(method), f"{name}: {request} without {BOUND[request]}"
    assert seen == BOUND.keys() | COLLECTION


def test_a_request_for_points_that_reads_names_only_what_is_allowed():
    (scrolling,) = [method for method in methods().values() if "scroll" in requests_of(method)]
    assert "with_payload=['embedding']" in ast.unparse(scrolling)
