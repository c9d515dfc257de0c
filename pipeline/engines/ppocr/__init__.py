"""PP-OCRv6 on the CPU: the embedded engine, weights from the `rapidocr` wheel; the only room that imports an ONNX runtime.

In: page images, grey or RGB. Out: one PageText each, lines as blocks. Needs no GPU and no network. Costs 1.4 to 2 CPU seconds
a page on one core (`infra/benchmarks/ppocr.md`) and about 1 GB.
"""
