"""Pages: everything that is written as HTML or SVG."""
