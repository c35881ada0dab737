//! The style of the page: readable by day, by night and on paper.

pub(super) const CSS: &str = "
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5b6675;--line:#dfe3e9;--good:#12733f;--good-bg:#e2f4e9;
--bad:#b3261e;--bad-bg:#fbe7e5;--warn:#8a5300;--warn-bg:#fdf0d5;--info:#1f5fae;--info-bg:#e4eefb;--strong:#3d4856;--code:#eef1f5}
@media (prefers-color-scheme:dark){:root{--bg:#10141a;--card:#181e26;--ink:#e6eaf0;--soft:#98a4b3;--line:#2b333e;--good:#6bd195;
--good-bg:#12301f;--bad:#ff8f86;--bad-bg:#3d1a18;--warn:#f2bd62;--warn-bg:#37290f;--info:#82b5f5;--info-bg:#16293f;--strong:#aab5c3;
--code:#222a34}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif}
main{max-width:980px;margin:0 auto;padding:28px 20px 60px}
header{margin-bottom:18px}
.brand{margin:0 0 10px;font-weight:700;letter-spacing:.02em}
.brand span{color:var(--soft);font-weight:400;margin-left:6px}
h1{font-size:25px;line-height:1.3;margin:0 0 14px;display:flex;flex-wrap:wrap;align-items:center;gap:12px}
h2{font-size:18px;margin:0 0 12px}
h3{font-size:15px;margin:0 0 4px}
h3 small,small{color:var(--soft);font-size:13px;font-weight:400}
p{margin:0 0 10px}
.pill{font-size:14px;font-weight:700;padding:3px 12px;border-radius:99px;text-transform:uppercase;letter-spacing:.05em}
.good{--tone:var(--good);--tone-bg:var(--good-bg)}.bad{--tone:var(--bad);--tone-bg:var(--bad-bg)}
.warn{--tone:var(--warn);--tone-bg:var(--warn-bg)}.info{--tone:var(--info);--tone-bg:var(--info-bg)}
.pill,.tag{color:var(--tone);background:var(--tone-bg)}
.tag{font-size:12px;font-weight:600;padding:1px 8px;border-radius:99px;white-space:nowrap}
.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:0}
.facts div{min-width:0}
.facts dt{font-size:12px;color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:10px;margin:0 0 18px}
.tile{display:block;background:var(--card);border:1px solid var(--line);border-top:3px solid var(--tone,var(--line));border-radius:8px;
padding:10px 12px;text-decoration:none;color:inherit}
.tile b{display:block;font-size:24px;line-height:1.2;color:var(--tone,var(--soft));font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.tile.none{pointer-events:none}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:0 0 16px}
table{width:100%;border-collapse:collapse}
thead th{font-size:12px;color:var(--soft);font-weight:600;padding:0 10px 6px 0;border-bottom:1px solid var(--line)}
th,td{text-align:left;vertical-align:top;padding:8px 14px 8px 0;overflow-wrap:anywhere}
tbody tr+tr th,tbody tr+tr td{border-top:1px solid var(--line)}
tbody th{font-weight:600;width:36%}
ul{margin:0;padding-left:20px}
.what{list-style:none;padding:0}
.what li{display:flex;gap:8px}
.sign{font-weight:700;width:1em;flex:none;text-align:center}
.gain .sign{color:var(--good)}.lose .sign{color:var(--bad)}
.names{columns:2;column-gap:28px}
.names li{break-inside:avoid;overflow-wrap:anywhere}
.rule+.rule,article+article,article+.approve{margin-top:18px}
.gauge{display:block;width:100%;height:8px;border-radius:4px;margin:8px 0 4px}
.gauge .track{fill:var(--code)}.gauge .over{fill:var(--bad)}.gauge .within{fill:var(--good)}
.scale{color:var(--soft);font-size:13px}.scale b{color:var(--ink)}
.approve{border-left:3px solid var(--warn);padding-left:14px;margin:14px 0 0}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace}
code{background:var(--code);border-radius:4px;padding:1px 5px;overflow-wrap:anywhere}
pre{background:var(--code);border-radius:6px;padding:10px 12px;margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
pre code{background:none;padding:0}
.hash{color:var(--soft);margin:10px 0 0}
#notes ul+.hash{margin-top:14px}
.charts{display:grid;grid-template-columns:1fr;gap:18px}
figure{margin:0}
figcaption{font-weight:600;margin-bottom:4px}
.chart{display:block;width:100%;max-width:720px;height:auto}
.chart text{font-size:13px;fill:var(--ink)}
.chart .label{text-anchor:end;fill:var(--soft)}
.chart rect.good{fill:var(--good)}.chart rect.bad{fill:var(--bad)}.chart rect.info{fill:var(--info)}.chart rect.strong{fill:var(--strong)}
@media (max-width:680px){.tiles{grid-template-columns:repeat(3,1fr)}.names{columns:1}tbody th{width:42%}h1{font-size:21px}}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--good:#12733f;--good-bg:#e2f4e9;--bad:#b3261e;--bad-bg:#fbe7e5;
--warn:#8a5300;--warn-bg:#fdf0d5;--info:#1f5fae;--info-bg:#e4eefb;--strong:#3d4856;--code:#eef1f5}
body{font-size:11pt}main{max-width:none;padding:0}section{break-inside:auto;border-radius:0;padding:10px 0;border-width:1px 0 0}
tr,figure,article{break-inside:avoid}thead{display:table-header-group}.tile{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";
