# SPDX-License-Identifier: Apache-2.0
"""A page that shows scenes: one, or two with a line between them to drag."""

from flexgs.viewer.make import ensure_html, make_page, write_html
from flexgs.viewer.page import Page, load_bundle, page_files

__all__ = ["Page", "ensure_html", "load_bundle", "make_page", "page_files", "write_html"]
