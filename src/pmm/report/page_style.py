"""Style of the page: colours of lines and states for light and for dark, each readable on its ground."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--face:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
--page:#f6f7f9;--card:#fff;--edge:#dfe3e8;--ink:#1b2430;--quiet:#5b6775;--grid:#e3e7ec;
--good:#1a7f4b;--bad:#c22f2f;--warn:#a86200;
--s1:#1f6fb5;--s2:#c8540a;--s3:#1a8a6d;--s4:#8a4fbf;--s5:#a8821a;--s6:#c23b77;--s7:#5b6775}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--card:#1b2129;--edge:#2d3540;--ink:#e6eaf0;--quiet:#9aa6b5;
--grid:#2f3844;--good:#4cc38a;--bad:#ff7b72;--warn:#f0a742;
--s1:#62aef0;--s2:#f58b4c;--s3:#45c9a5;--s4:#bd93f0;--s5:#dcb64a;--s6:#f07fb0;--s7:#9aa6b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 var(--face)}
main{max-width:1120px;margin:0 auto;padding:24px 20px 40px}
h1{font-size:26px;margin:0}
h2{font-size:18px;margin:32px 0 12px}
h3,figcaption{font-size:14px;font-weight:600;margin:0 0 8px}
header p,footer p{color:var(--quiet);margin:4px 0 0;overflow-wrap:anywhere}
footer{margin-top:32px;border-top:1px solid var(--edge);padding-top:12px;font-size:13px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px;margin-top:20px}
.tile,.card{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:14px 16px}
.tile{display:flex;flex-direction:column}
.tile .name,.tile .note,.none{color:var(--quiet);font-size:13px}
.tile .value{font-size:19px;font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
.tile.good .value,td.good{color:var(--good)}
.tile.bad .value,td.bad{color:var(--bad)}
.tile.warn .value,td.warn{color:var(--warn)}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));gap:12px;align-items:start}
figure{margin:0 0 12px}
.grid figure{margin:0}
svg{display:block;width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;color:var(--quiet);font-weight:500}
th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--edge);vertical-align:top;overflow-wrap:anywhere}
th:first-child,td:first-child{overflow-wrap:normal}
tbody tr:last-child td{border-bottom:0}
.number{text-align:right;padding-right:0}
.number,.time{font-variant-numeric:tabular-nums;white-space:nowrap}
.none{margin:0}
@media print{body{background:#fff}.card,.tile,svg{break-inside:avoid}}
"""
