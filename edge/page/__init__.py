"""Pages for people: one self-contained HTML file of blocks, pictures and drawn figures.

A page is a `Page` of blocks (`edge.page.blocks`), figures are SVG drawn by `edge.page.charts` and
`edge.page.matrix`, and `edge.page.render` makes the file. There is no script, nothing is loaded
from elsewhere, and every text is escaped: names of labels and files are the user's.
"""
