#include "services/report/style.h"

namespace sallyport::services::report {

const std::string_view kStyle = R"css(
:root{--ink:#17202b;--soft:#5b6877;--line:#d9dfe6;--paper:#fbfcfd;--card:#fff;--ok:#1c7c4a;--okbg:#e7f4ec;
--warn:#8a5a00;--warnbg:#fdf3dc;--bad:#a8231c;--badbg:#fbe9e7;--accent:#21486f}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#2d3947;--paper:#121820;
  --card:#1a222c;
--ok:#6fd19c;--okbg:#17352a;--warn:#e9bd62;--warnbg:#3a2f16;--bad:#f29a92;--badbg:#3d1f1d;--accent:#8fb9e3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
header{border-bottom:1px solid var(--line);padding-bottom:20px;margin-bottom:28px}
h1{font-size:26px;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:18px;margin:40px 0 12px}
h3{font-size:13px;margin:22px 0 8px;color:var(--soft);font-weight:600}
p{margin:4px 0}
.soft{color:var(--soft)}
code,.mono{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.badge{display:inline-block;border-radius:10px;padding:1px 9px;font-size:12px;font-weight:600;
  white-space:nowrap}
.ok{color:var(--ok);background:var(--okbg)}
.warn{color:var(--warn);background:var(--warnbg)}
.bad{color:var(--bad);background:var(--badbg)}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-top:16px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:132px}
.tile b{display:block;font-size:20px;line-height:1.3}
.tile span{color:var(--soft);font-size:12px}
.gates{display:grid;grid-template-columns:repeat(4,1fr);gap:10px}
@media (max-width:760px){.gates{grid-template-columns:repeat(2,1fr)}}
.gate{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--ok);border-radius:6px;
padding:8px 12px;text-decoration:none;color:inherit;display:block}
.gate.warned{border-left-color:var(--warn)}
.gate.blocked{border-left-color:var(--bad)}
.gate.absent{border-left-color:var(--line);opacity:.6}
.gate b{display:block;font-size:14px}
.gate small{color:var(--soft)}
details{background:var(--card);border:1px solid var(--line);border-radius:6px;margin:8px 0;padding:0 16px}
details[open]{padding-bottom:12px}
summary{cursor:pointer;padding:10px 0;display:flex;gap:12px;align-items:baseline;flex-wrap:wrap}
summary b{min-width:150px}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;color:var(--soft);font-weight:600;font-size:12px;padding:4px 12px 4px 0;
border-bottom:1px solid var(--line)}
td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
.wide{width:38%}
.num{text-align:right;font-variant-numeric:tabular-nums}
.chain{list-style:none;margin:0;padding:0;border-left:2px solid var(--line)}
.chain li{position:relative;padding:4px 0 10px 20px}
.chain li::before{content:"";position:absolute;left:-7px;top:10px;width:12px;height:12px;border-radius:50%;
background:var(--ok);border:2px solid var(--paper)}
.chain li.link-fail::before{background:var(--bad)}
.chain li.link-missing::before{background:var(--warn)}
.bar{height:8px;border-radius:4px;background:var(--line);overflow:hidden;display:flex;min-width:120px}
.bar i{display:block;height:100%;background:var(--ok)}
.bar i.held{background:var(--accent)}
footer{margin-top:48px;color:var(--soft);font-size:13px;border-top:1px solid var(--line);padding-top:16px}
)css";

}  // namespace sallyport::services::report
