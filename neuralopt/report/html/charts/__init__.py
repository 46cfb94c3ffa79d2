"""The charts of a page, drawn by plotly in the browser."""
