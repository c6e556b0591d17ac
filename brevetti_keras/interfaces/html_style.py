"""The look of HTML reports: one style sheet, light and dark, for screens, phones and paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #57606a; --line: #d9dce0; --paper: #ffffff; --wash: #f5f6f8;
  --accent: #0b62c4; --warn: #8a5a00; --warn-wash: #fff6e0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e3; --soft: #a5acb4; --line: #3a3f45; --paper: #16181b;
  --wash: #1f2226; --accent: #7ab7ff; --warn: #f0c674; --warn-wash: #2c2615; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; white-space: pre-line; }
.subtitle, figcaption, .more { color: var(--soft); }
figcaption, .more { font-size: .875rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0; }
a { color: var(--accent); }
figure { margin: 1rem 0; }
.scroll { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .875rem; padding-bottom: .35rem; }
th, td { padding: .3rem .75rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
td:not(.number) { min-width: 7rem; }
thead th { overflow-wrap: break-word; border-bottom: 2px solid var(--line); background: var(--wash); }
.number { text-align: right; white-space: nowrap; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { background: var(--wash); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
dt { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.chart img { max-width: 100%; height: auto; }
.images { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .9rem; padding: 0;
  list-style: none; }
.images img { display: block; max-width: 100%; min-width: 4rem; border: 1px solid var(--line); border-radius: .25rem;
  background: #000; image-rendering: auto; }
.images figure { margin: 0; }
.images figcaption { overflow-wrap: anywhere; white-space: pre-line; margin-top: .25rem; }
.note { border-left: 4px solid var(--accent); background: var(--wash); padding: .5rem .9rem; margin: 1rem 0; }
.warning { border-left-color: var(--warn); background: var(--warn-wash); }
.missing { color: var(--bad); }
@media print { nav { display: none; } h2 { break-after: avoid; } figure, tr, .images li { break-inside: avoid; } }
"""
