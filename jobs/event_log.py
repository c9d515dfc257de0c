"""Build events as log lines. In: a BuildEvent. Out: a record of the logger `pagemill.events`, which is heard with `--log json`.

Pulses are left to the display, which tells of progress every few seconds.
"""

from jobs.logs import EVENTS, tell
from pipeline.builds.journal_lines import ADAPTERS, NAMES, done_of
from pipeline.events import BuildEvent, Pulse
from pipeline.receipts import ShardReceipt


def log_event(event: BuildEvent) -> None:
    """One line, with every id and figure of the event."""
    if isinstance(event, Pulse):
        return
    told = done_of(event) if isinstance(event, ShardReceipt) else event
    name = NAMES[type(told)]
    tell(EVENTS, name.replace("_", " "), {"event": name, **ADAPTERS[name].dump_python(told, mode="json")})
