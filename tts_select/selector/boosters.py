"""LightGBM models as texts; never as pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightgbm import Booster


def booster_of(text: str, n_features: int | None = None) -> Booster:
    """The model of a text, of so many features.

    Raises:
        ValueError: it is no such model.
    """
    from lightgbm import Booster
    from lightgbm.basic import LightGBMError

    try:
        found = Booster(model_str=text)
    except LightGBMError as error:
        raise ValueError(str(error)) from error
    if n_features is not None and found.num_feature() != n_features:
        raise ValueError(f"a model has {found.num_feature()} features for {n_features}")
    return found
