"""Slack: how much of it a graph over these rows is pruned with.

Edges beyond the strict ones (an alpha above 1) lead around what a walk would miss
otherwise, and cost it a distance each at every step. In neighbourhoods of few
dimensions strict edges lead everywhere, and others cost more than they save. Distances
tell: with n neighbours in a ball the n-th is as far as the n-th power of one over the
dimension.
"""

from __future__ import annotations

from dataclasses import replace

from quiver.build import Plan
from quiver.diagnosis.probe import FAR_RANK, K
from quiver.diagnosis.width import Look
from quiver.params import ALPHAS, BuildParams

FEW_DIMENSIONS = 1.25
"""Growth of distances from which on strict edges are enough: 10 or fewer dimensions.
Image patches have 1.3, SIFT 1.16, clusters in 64 dimensions 1.13, text 1.08 … 1.10."""

STRICT = 1.0


def choose_slack(plan: Plan, look: Look) -> tuple[BuildParams, dict[str, str]]:
    """Return the plan's parameters with an ``alpha``, and what an index keeps of why.

    One that is given stays; rules that put no strict edges first keep their own.
    """
    params = plan.params
    rule = params.rule_for(plan.encoding, plan.metric)
    if params.alpha is not None or look.growth is None or rule != "strict_first":
        return params, {}
    alpha = STRICT if look.growth >= FEW_DIMENSIONS else ALPHAS[rule]
    why = f"neighbour {FAR_RANK} is {look.growth:.2f} times as far as neighbour {K}"
    return replace(params, alpha=alpha), {"alpha": f"{alpha:g}, as {why}"}
