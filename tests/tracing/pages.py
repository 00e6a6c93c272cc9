"""Pages for tests, in files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tts_select.tracing.document import document

NASTY = (
    "<script>document.body.dataset.owned = 1</script></script>"
    "<img src=x onerror='document.body.dataset.owned = 1'> javascript:alert(1) \u2028\u2029 \u202e "
    "${1} {{1}} &lt;b&gt; \\u003c <!-- <![CDATA[ \x1b[31m 'a' \"b\""
)
"""A text that tries to act."""


def written(path: Path, data: dict[str, Any], records: list[dict[str, Any]]) -> Path:
    """The page in a file."""
    path.write_text("".join(document(data, records)), encoding="utf-8")
    return path


def results(path: Path, n: int, *, text: str = "What is {k} + {k}?") -> Path:
    """A results file of so many problems; every fourth is wrong, every tenth has no answer."""
    with path.open("w", encoding="utf-8") as sink:
        for k in range(n):
            answer = None if k % 10 == 9 else str(2 * k + (k % 4 == 3))
            plan = {
                "policy": "p",
                "prm": None,
                "method": "majority",
                "budget": 4,
                "settings": {},
                "reason": "",
            }
            record = {
                "id": f"problem {k}/{n}",
                "problem": text.replace("{k}", str(k)),
                "gold": str(2 * k),
                "answer": answer,
                "correct": answer == str(2 * k),
                "confidence": None if answer is None else (k * 37 % 100) / 100,
                "confidence_kind": "calibrated",
                "finished": "complete",
                "cost": {"policy_generated_tokens": 10 + k % 90, "flops": 1e6 * k, "phases": {}},
                "plan": plan,
                "text": f"so\n\n\\boxed{{{answer}}}",
            }
            sink.write(json.dumps(record) + "\n")
    return path


@dataclass
class Watched:
    """A tab with a page, and what it complained of and asked for."""

    tab: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path, link: str = "") -> Any:
        """Open a file; returns the tab when its problem is drawn."""
        self.tab.goto(path.resolve().as_uri() + link)
        self.tab.wait_for_selector(".detail .card")
        return self.tab


@contextmanager
def watched(browser: Any, **options: Any) -> Iterator[Watched]:
    """A tab that is watched; at its end it has complained of nothing and asked for nothing but its file."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
    found = Watched(context.new_page())
    found.tab.on("console", lambda message: found.complaints.append(message.text))
    found.tab.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.tab.on("request", lambda request: found.requests.append(request.url))
    yield found
    context.close()
    assert found.complaints == []
    assert len({url.split("#")[0] for url in found.requests}) == 1
    assert all(url.startswith("file:") for url in found.requests)
