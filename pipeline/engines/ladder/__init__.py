"""The ladder: an engine made of an engine and what is tried when it read a page badly.

In: pages. Out: one PageText each, with the rung that gave it and the readings that were set aside. What a good reading is, it
is told by an `interfaces.Assessor`; it knows no rule itself.

Which rungs heal what (`configs/deepseek.yaml` is built on it; peers.md and filters_and_schemas.md of the reference): a loop is
broken by another n-gram window, because the stock one sees the last 50 to 90 tokens alone (peers.md 4.4, filters A2); by the
plain prompt, which spends no tokens on boxes (peers.md 4.2); or by the text before it (filters A4, fallback chain). A page that
ends for want of tokens will do so again at any setting: it has to be read in parts (peers.md 4.4, trap 1). Text without sense
may be a page that lies on its side: the text of a page turned by 180 degrees is still letters (peers.md 1A, olmOCR's rotation
fix). What no setting of one model heals, another engine may, and a text layer that is drawn and sound is the page's own.
"""
