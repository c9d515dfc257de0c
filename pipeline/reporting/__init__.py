"""What a build looks like: one self-contained HTML page, a picture of stored facts that can be made again at any time.

Publishing knows nothing of this room; the jobs call it after publishing. Nothing here decides anything.

    build_report.py   a build of a dataset to the bytes of its report.html; start here
    page.py           sections to one HTML file that loads nothing and runs nothing but ours
    embedding.py      data and assets into HTML, so that no text of a document can become markup
"""
