/** The colours of the app's pages. */
export const STYLE = `
:root{color-scheme:dark;--bg:#0b0e0f;--card:#151a1b;--quiet:#212829;--line:#2d3536;--edge:#6f7b79;--ink:#f0f4f3;--dim:#a3afad;--accent:#4fd3c4;--on-accent:#04211e;--bad:#ff8379;
font:15px/1.45 system-ui,sans-serif;font-size:.9375rem;background:var(--bg);color:var(--ink)}
@media (prefers-color-scheme:light){:root{color-scheme:light;--bg:#f5f3ee;--card:#fff;--quiet:#e9e6dd;--line:#dad6cb;--edge:#858b87;--ink:#161b1a;--dim:#59625f;--accent:#0a736b;--on-accent:#fff;--bad:#b3261e}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{max-width:40rem;margin:0 auto;padding:16px 16px 48px;overflow-wrap:anywhere}
header{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:4px 16px}
h1{margin:0;font-size:1.375rem;line-height:1.2}
h2{margin:24px 0 4px;font-size:1.0625rem;line-height:1.2}
p{margin:8px 0}
.dim{color:var(--dim)}
a{color:var(--accent)}
header a{display:inline-flex;align-items:center;min-height:44px}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.card{margin:16px 0;padding:16px;border-radius:18px;background:var(--card)}
.card>:first-child{margin-top:0}.card>:last-child{margin-bottom:0}
#state{display:flex;gap:10px;font-size:1.0625rem;font-weight:650}
#state::before{content:"";flex:none;width:12px;height:12px;margin-top:.35em;border:2px solid var(--dim);border-radius:50%}
#state[data-is="yes"]::before{border-color:var(--accent);background:var(--accent)}
:is(#state[data-is="no"],#state[data-is="warned"],#state[data-is="another"])::before{border-color:var(--bad)}
.button{display:inline-flex;align-items:center;justify-content:center;min-height:48px;margin:4px 8px 4px 0;padding:8px 18px;border:0;border-radius:14px;background:var(--quiet);color:var(--ink);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
.main{background:var(--accent);color:var(--on-accent)}
summary{display:flex;align-items:center;min-height:44px;font-size:1.0625rem;font-weight:650;cursor:pointer}
summary::after{content:"";width:8px;height:8px;margin-left:10px;border:solid var(--dim);border-width:0 2px 2px 0;transform:rotate(45deg)}
[open]>summary::after{transform:rotate(-135deg)}
summary::-webkit-details-marker{display:none}
label{display:block;color:var(--dim);font-size:.8125rem}
select{display:block;width:100%;min-height:52px;margin-top:4px;padding:8px 12px;border:1.5px solid var(--edge);border-radius:14px;background:var(--card);color:var(--ink);font:inherit;font-size:1.0625rem}
ol,ul{margin:8px 0;padding-left:24px}li{margin:6px 0}
code{display:block;padding:12px;border:1px solid var(--line);border-radius:14px;font:600 1rem/1.6 ui-monospace,monospace;white-space:pre-wrap}
`;
