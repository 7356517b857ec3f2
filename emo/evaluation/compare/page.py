"""The report as one HTML page that needs no other file."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emo.evaluation.compare.run import ClipResult, Comparison, Plan
from emo.evaluation.compare.summary import ARROWS, Line, shown

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Evaluation</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top }
th { border-bottom: 2px solid #888 }
tr + tr td { border-top: 1px solid #ddd }
td.n { text-align: right; white-space: nowrap }
tr.family td { background: #f0f2f5; font-weight: 600 }
.note { color: #666; font-size: .85em }
.wide { overflow-x: auto }
.bad { color: #a22 }
img { max-width: 100%; display: block; margin: .5rem 0 }
</style>
<h1>Evaluation</h1>
<p>{{ order|length }} videos beside {{ plan.references|length }} real ones.</p>
<div class="wide"><table>
<tr><th>measure</th><th></th><th>generated</th><th>truth</th><th>paper</th><th></th></tr>
{% for line in lines %}
{% if loop.changed(line.family) %}<tr class="family"><td colspan="6">{{ line.family }}</td></tr>{% endif %}
<tr><td>{{ line.title }}</td><td>{{ arrows[line.better] }}</td>
<td class="n">{{ shown(line.value) }}{% if line.spread is not none %} ± {{ shown(line.spread) }}{% endif %}</td>
<td class="n">{{ shown(line.truth) }}</td><td>{{ line.paper }}</td><td class="note">{{ line.note }}</td></tr>
{% endfor %}
</table></div>
{% for title, data in pictures.items() %}
<h2>{{ title }}</h2>
<img alt="{{ title }}" src="data:image/png;base64,{{ data }}">
{% endfor %}
<h2>Networks</h2>
<ul>{% for kind, text in comparison.networks.items() %}<li>{{ kind }}: {{ text }}</li>{% endfor %}</ul>
<h2>Clips, best first</h2>
<p class="note">In brackets: the same measure of the real video.</p>
<div class="wide"><table>
<tr><th>clip</th>{% for m in plan.measures %}<th>{{ m.title }} {{ arrows[m.better] }}</th>{% endfor %}</tr>
{% for clip in order %}
<tr><td>{{ clip.name }}</td>
{% for m in plan.measures %}{% set value = clip.values[m.name] %}
{% if value is string %}<td class="n" title="{{ value }}">{{ shown(none) }}</td>
{% else %}<td class="n">{{ shown(value) }}
{% if clip.truths.get(m.name) is number %}<span class="note">({{ shown(clip.truths[m.name]) }})</span>{% endif %}</td>
{% endif %}{% endfor %}</tr>
{% endfor %}
</table></div>
{% if comparison.unreadable %}
<h2>Not readable</h2>
<ul class="bad">{% for text in comparison.unreadable.values() %}<li>{{ text }}</li>{% endfor %}</ul>
{% endif %}
<h2>How</h2>
<pre>{{ about }}</pre>
</html>
"""


def html_page(
    plan: Plan,
    lines: Sequence[Line],
    comparison: Comparison,
    order: Sequence[ClipResult],
    pictures: Mapping[str, Path],
    about: Mapping[str, Any],
) -> str:
    """The page: table, pictures, networks, every clip's numbers (best first), and what could not be read."""
    from jinja2 import Environment

    encoded = {title: base64.b64encode(path.read_bytes()).decode() for title, path in pictures.items()}
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE)
    return template.render(
        plan=plan,
        lines=lines,
        comparison=comparison,
        order=order,
        pictures=encoded,
        about=json.dumps(about, indent=1),
        arrows=ARROWS,
        shown=shown,
    )
