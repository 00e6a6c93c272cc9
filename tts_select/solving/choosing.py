"""Who decides, by the options of `solve`: a trained router, a prior, or the arm that they name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_select.core.errors import InputError
from tts_select.data.prior.artifacts import PRIOR
from tts_select.data.world.artifacts import ROUTER
from tts_select.solving.options import (
    CASCADE,
    NAMING,
    NamedChoice,
    SolveOptions,
    check_cascade,
    check_names,
    check_one_budget,
    check_together,
)
from tts_select.solving.selector import Selector

if TYPE_CHECKING:  # numpy, and with it half of the time of `import tts_select`
    from tts_select.config import Config
    from tts_select.selector.routers.protocol import Router


def selector_for(
    options: Mapping[str, Any], *, outcomes: str | Path | None = None
) -> tuple[Selector, dict[str, Any]]:
    """Return the selector for these options, and the options of its sessions; `outcomes` is a file for its
    `record`.

    Raises:
        InputError: an option is unknown, out of range, or goes with no other.
    """
    check_names(options, SolveOptions.__annotations__)
    config = _config(options.get("config"))
    given = {name: value for name, value in options.items() if name != "config"}
    usual_prior = config.prior if config is not None and config.prior is not None else PRIOR
    if given.get("method") == CASCADE:
        return _plain_cascade(check_cascade(given, config), given, outcomes)
    if config is not None:
        from tts_select.config.using import as_options, is_open

        if is_open(config, given, NAMING):
            return _cheapest_first(config, given, Path(given.pop("prior", None) or usual_prior), outcomes)
        given = as_options(config, given, NAMING)
    elif "pair" in given:
        raise InputError(f"the pair '{given['pair']}' is a name of a config: name its file with --config")
    check_together(given)
    by_rule = given.pop("untrained_rule", False)
    named = {name: given.pop(name) for name in NAMING if name in given}
    folder, prior = given.pop("router", None), given.pop("prior", None)
    given = {name: value for name, value in given.items() if value is not None}
    if named or by_rule:
        return _named(named, given, by_rule=by_rule, prior=prior, usual_prior=usual_prior, outcomes=outcomes)
    if prior is not None:
        raise InputError("'prior' is for a policy without a router: name the policy, or drop it")
    given.pop("logprobs", None)  # a router reads them, so they are there
    if config:
        return Selector.from_config(config, folder, outcomes=outcomes), given
    return Selector.load(folder or ROUTER, outcomes=outcomes), given


def _named(
    named: dict[str, Any],
    given: dict[str, Any],
    *,
    by_rule: bool,
    prior: str | Path | None,
    usual_prior: Path,
    outcomes: str | Path | None,
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.solving.naming import named_router

    router, loaders = named_router(
        NamedChoice(**named),
        effort=given.get("effort"),
        by_rule=by_rule,
        prior=prior,
        usual_prior=usual_prior,
    )
    if not router.prices:
        given = _without_price(router, given, named.get("budget"))
    folder = Path(prior or usual_prior) if router.prices else None
    selector = Selector(router, loaders=loaders, folder=folder, outcomes=outcomes)
    selector.models.load(router.portfolio)
    return selector, {"logprobs": False, **given}


def _without_price(router: Router, given: dict[str, Any], budget: int | None) -> dict[str, Any]:
    """The options of the sessions of what was named: its effort has chosen the budget."""
    check_one_budget(given.get("effort"), budget)
    if "price" in given:
        raise InputError(
            f"'price' is for a router, and {router.portfolio.name} leaves it nothing to choose: drop it"
        )
    return {name: value for name, value in given.items() if name != "effort"}


def _plain_cascade(
    config: Config, given: dict[str, Any], outcomes: str | Path | None
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.config.using import ModelGroup, loaders_for
    from tts_select.solving.naming import plain_cascade

    terms = {name: value for name, value in given.items() if name not in NAMING and value is not None}
    named = {name: value for name, value in given.items() if name in NAMING}
    loaders = loaders_for(config, [ModelGroup(list(config.policies), [])])
    router = plain_cascade(config, loaders, NamedChoice(**named), effort=terms.get("effort"))
    selector = Selector(router, loaders=loaders, outcomes=outcomes)
    return selector, {"logprobs": False, **_without_price(router, terms, named.get("budget"))}


def _cheapest_first(
    config: Config, given: dict[str, Any], prior: Path, outcomes: str | Path | None
) -> tuple[Selector, dict[str, Any]]:
    from tts_select.config.using import ModelGroup, loaders_for
    from tts_select.solving.naming import prior_cascade

    loaders = loaders_for(config, [ModelGroup(list(config.policies), [])])
    router = prior_cascade(config, loaders, prior)
    selector = Selector(router, loaders=loaders, folder=prior, outcomes=outcomes)
    return selector, {"logprobs": False, **{n: value for n, value in given.items() if value is not None}}


def _config(given: Config | str | Path | None) -> Config | None:
    if isinstance(given, str | Path):
        from tts_select.config import load_config

        return load_config(Path(given))
    return given
