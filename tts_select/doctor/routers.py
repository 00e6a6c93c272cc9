"""Whether routers know the models that they are to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tts_select.config import Config
from tts_select.core.errors import TtsSelectError
from tts_select.core.imported import is_imported
from tts_select.data.grading import GRADER
from tts_select.data.world.artifacts import ROUTER, describe
from tts_select.doctor.findings import Finding, problem
from tts_select.executors.registry import check_policy, check_prm
from tts_select.selector.routers.protocol import Router

_SHIPPED = "the shipped router"


def examine_routers(config: Config | None, *, shipped: Path = ROUTER) -> Iterator[Finding]:
    """The shipped one against the embedded models, and the config's against its names."""
    yield _shipped(shipped)
    if config is not None and config.router is not None:
        yield _of_config(config, config.router)
    if config is not None and config.prior is not None:
        yield _prior(config.prior)


def _shipped(folder: Path) -> Finding:
    from tts_select.selector.routers.artifact import load_router
    from tts_select.selector.routers.protocol import fingerprint_mismatch

    try:
        router = load_router(folder)
    except TtsSelectError as error:
        return problem(_SHIPPED, error)
    here = {str(model["spec"]): str(model["fingerprint"]) for model in describe()}
    portfolio = (*router.portfolio.policies, *router.portfolio.prms)
    found = {spec: here.get(spec, "missing") for spec in portfolio} | {"grader": GRADER}
    if mismatch := fingerprint_mismatch(router.fingerprints, found):
        return Finding(_SHIPPED, "problem", mismatch, "install the package again, with its own weights")
    return Finding(_SHIPPED, "ok", f"it was trained for the {len(portfolio)} embedded models that are here")


def _of_config(config: Config, folder: Path) -> Finding:
    from tts_select.selector.routers.artifact import load_router

    try:
        router = load_router(folder)
        for name in router.portfolio.policies:
            policy = config.policy(name)
            check_policy(policy.spec, policy.options)
        for name in router.portfolio.prms:
            prm = config.prm(name)
            check_prm(prm.spec, prm.format, prm.options)
    except TtsSelectError as error:
        return problem("router", error)
    return _trained_for(router)


def _prior(folder: Path) -> Finding:
    from tts_select.solving.naming import prior_in

    try:
        prior_in(folder)
    except TtsSelectError as error:
        return problem("prior", error)
    return Finding("prior", "ok", "it decides where a policy has no router, instead of the shipped one")


def _trained_for(router: Router) -> Finding:
    n = len(router.portfolio.arms)
    names = [name for name in router.portfolio.policies if is_imported(name)]
    if names:
        said = f"{n} arms, learned from an imported log: no log knows its models' weights, so those that the "
        return Finding("router", "note", f"{said}config binds to {', '.join(names)} are taken as they are")
    if router.fingerprints.get("grader") != GRADER:
        return Finding("router", "problem", "it was trained with another grader", "sweep and train again")
    return Finding("router", "ok", f"{n} arms; fingerprints are compared as it loads")
