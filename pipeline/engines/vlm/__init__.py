"""Vision-language models on vLLM: the headline engines; the only room that imports vllm, torch and transformers.

In: page images. Out: one PageText each, with Markdown, labelled blocks, the mode it was read in and its token counts.
"""
