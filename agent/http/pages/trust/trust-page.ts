import { createHash } from 'node:crypto';
import { fingerprintLines } from '../../../base/fingerprint.ts';
import { escapeXml, type ShownAuthority } from './mobile-profile.ts';
import { SCRIPT } from './trust-script.ts';
import type { SystemWords, TrustWords } from './trust-words.ts';
import { ofThing, type Visitor } from './visitor.ts';

/** The colours of the app's pages. */
const STYLE = `
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

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const INLINE = [`script-src ${hashOf(SCRIPT)}`, `style-src ${hashOf(STYLE)}`];

/** Security policy of the page: only inline content, what an app needs to be installed, and requests to the same host over https. */
export const trustPolicy = (https: string | undefined): string =>
  [
    "default-src 'none'",
    ...INLINE,
    `connect-src ${https ?? "'none'"}`,
    "img-src 'self'",
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

interface TrustPage {
  readonly words: TrustWords;
  readonly visitor: Visitor;
  /** Undefined: the certificate is another authority's, or https is off. */
  readonly authority: ShownAuthority | undefined;
  /** Port of https, or undefined if https is off. */
  readonly port: number | undefined;
  /** Identifies this box. */
  readonly box: string;
}

/** The guided steps. */
export function trustPage(page: TrustPage): string {
  const { words, visitor, authority, port, box } = page;
  const body = port === undefined ? `<p class="card" id="off">${escapeXml(words.off)}</p>` : stateCard(page);
  const things = escapeXml(JSON.stringify(words.things));
  return `<!doctype html>
<html lang="${words.lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(words.title)}</title>
<link rel="icon" href="icon-192.png">
<link rel="manifest" href="manifest.webmanifest">
<link rel="apple-touch-icon" href="apple-180.png">
<style>${STYLE}</style>
</head>
<body data-port="${port ?? ''}" data-box="${escapeXml(box)}" data-thing="${visitor.thing}" data-things="${things}">
<main>
<header><h1>${escapeXml(words.title)}</h1><a lang="${words.other.lang}" href="?lang=${words.other.lang}">${words.other.name}</a></header>
${textElement('p', words.why, page, 'class="dim"')}
${body}
${authority ? stepsOf(page, authority) : ''}
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

/** An element whose text names the visitor's device. */
function textElement(tag: string, text: string, { words, visitor }: TrustPage, attributes = ''): string {
  const shown = ofThing(text, words.things[visitor.thing]);
  return `<${tag} ${attributes} data-text="${escapeXml(text)}">${escapeXml(shown)}</${tag}>`;
}

/** `data-when` names the states in which an element is shown, and the scheme if it matters. */
function stateCard(page: TrustPage): string {
  const { words } = page;
  const { checking, trusted: yes, notTrusted: no, another, warned } = words;
  const texts = Object.entries({ checking, yes, no, another, warned }).map(
    ([state, text]) => `data-${state}="${escapeXml(text)}"`,
  );
  return `<section class="card">
${textElement('p', checking, page, `id="state" role="status" ${texts.join(' ')}`)}
<p data-when="no|warned" hidden>${escapeXml(words.follow)}</p>
<div data-when="no|warned|another" hidden><button id="again" class="button" type="button">${escapeXml(words.again)}</button></div>
<div data-when="yes http" hidden>${textElement('p', words.goOnText, page)}
<a id="go-on" class="button main" href="#">${escapeXml(words.goOn)}</a></div>
<div data-when="yes https" hidden><a class="button main" href="./">${escapeXml(words.open)}</a></div>
</section>
${installOf(page)}`;
}

const installOf = (page: TrustPage): string => `<section class="card" data-when="yes https" hidden>
${textElement('h2', page.words.install, page)}
<p class="dim">${escapeXml(page.words.installText)}</p>
<button id="install-now" class="button main" type="button" hidden>${escapeXml(page.words.installNow)}</button>
${textElement('p', page.words.installed, page, 'id="installed" role="status" hidden')}
${page.words.systems.map(({ id, install }) => `<div ${forSystem(page, id)}>${listOf(install, id === 'ios' ? 'ol' : 'ul')}</div>`).join('\n')}
</section>`;

/** @param tag `ul` for browsers to choose from */
const listOf = (steps: readonly string[], tag: 'ol' | 'ul' = 'ol'): string =>
  `<${tag}>${steps.map((step) => `<li>${escapeXml(step)}</li>`).join('')}</${tag}>`;

/** Shown for the visitor's system; the script follows the list. */
const forSystem = ({ visitor }: TrustPage, id: SystemWords['id']): string =>
  `data-system="${id}"${id === visitor.system ? '' : ' hidden'}`;

function stepsOf(page: TrustPage, authority: ShownAuthority): string {
  const { words, visitor } = page;
  const options = words.systems.map(
    ({ id, name }) => `<option value="${id}"${id === visitor.system ? ' selected' : ''}>${escapeXml(name)}</option>`,
  );
  return `<details id="steps" open>
<summary>${escapeXml(words.steps)}</summary>
<label>${escapeXml(words.stepsFor)}<select id="system">${options.join('')}</select></label>
<h2>${escapeXml(words.fingerprint)}</h2>
<p>${escapeXml(authority.name)}</p>
<code>${fingerprintLines(authority.fingerprint).join('\n')}</code>
<p class="dim">${escapeXml(words.compare)}</p>
<h2>${escapeXml(words.certificate)}</h2>
${words.systems.map((system) => systemSteps(page, system)).join('\n')}
</details>`;
}

function systemSteps(page: TrustPage, { id, name, file, steps, missed }: SystemWords): string {
  const { words } = page;
  const label = file === 'crt' ? words.download : words.downloadProfile;
  return `<section ${forSystem(page, id)} aria-label="${escapeXml(name)}">
<a class="button main download" href="trust/perch.${file}">${escapeXml(label)}</a>
${listOf(steps)}
</section>
<p class="card missed" data-system="${id}" hidden>${escapeXml(missed)}</p>`;
}
