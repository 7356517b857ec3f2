"""Adds to the site a page of reference for each package of emo, and the files elsewhere that guides link to."""

import ast
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of reference behind the guides."""
    assert config.nav is not None
    config.nav.append({"Reference": [f"reference/{package}.md" for package, _ in _packages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Write the pages of reference, which mkdocstrings fills."""
    for package, names in _packages():
        entries = "\n".join(f"::: {package}.{name}\n" for name in names)
        files.append(File.generated(config, f"reference/{package}.md", content=f"# {package}\n\n{entries}"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take files of the repository that a guide links to, as `](../FOLDER/FILE)`, along into the site."""
    for part in markdown.split("](../")[1:]:
        name = part.split(")")[0]
        if not files.get_file_from_path(name):
            files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return markdown.replace("](../", "](")


def _packages() -> Iterator[tuple[str, list[str]]]:
    """The packages that offer names, each with the names: what `__all__` lists, or a table of lazy names."""
    for path in sorted(ROOT.glob("emo/**/__init__.py")):
        tables = {
            ast.unparse(node.targets[0]): node.value
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.Assign)
        }
        table = tables.get("_EXPORTS", tables.get("__all__"))
        if table is not None:
            package = ".".join(path.parent.relative_to(ROOT).parts)
            yield package, sorted(ast.literal_eval(table), key=str.lower)
