"""scikit-learn: estimators over quiver in place of its own; needs the extra `sklearn`.

`neighbors` and `transformer` have the words, order and checks of `sklearn.neighbors`;
`neighborhood` finds and measures, asking one of the trees, scans and graphs of
`proposing`; `near` is what comes back. See docs/sklearn.md.
"""

from __future__ import annotations

try:
    from quiver.integrations.sklearn.neighbors import QuiverNeighbors
    from quiver.integrations.sklearn.transformer import QuiverTransformer
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("sklearn", "scipy", "joblib"):
        raise
    msg = f"{__name__} needs scikit-learn: pip install 'quiver-ann[sklearn]'"
    raise ModuleNotFoundError(msg, name=error.name) from error

__all__ = ["QuiverNeighbors", "QuiverTransformer"]
