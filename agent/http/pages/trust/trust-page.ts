import { createHash } from 'node:crypto';
import { fingerprintLines } from '../../../base/fingerprint.ts';
import { escapeXml, type ShownAuthority } from './mobile-profile.ts';
import type { TrustWords } from './trust-words.ts';

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:40rem;margin:0 auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.5rem 0 .25rem}
code{display:block;white-space:pre;font-size:1.1rem;padding:.5rem;border:1px solid #8886;border-radius:.5rem}
.button{display:inline-block;margin:.25rem .5rem .25rem 0;padding:.75rem 1rem;border-radius:.5rem;background:#0b6e4f;color:#fff;text-decoration:none}
#state{padding:.75rem 1rem;border-radius:.5rem;border:1px solid #8886}
#state[data-is="yes"]{border-color:#0b6e4f}#state[data-is="no"]{border-color:#b4231a}
.other{float:right}
`;
/** A browser that does not trust the certificate fails to fetch, whatever the reply. */
const SCRIPT = `
const state = document.getElementById('state');
const link = document.getElementById('open');
if (state && link) {
  const base = 'https://' + location.hostname + (link.dataset.port === '443' ? '' : ':' + link.dataset.port);
  link.href = base + '/';
  const tell = (is) => { state.dataset.is = is; state.textContent = state.dataset[is]; };
  const ask = () => fetch(base + '/health', { mode: 'no-cors', cache: 'no-store' }).then(() => tell('yes'), () => tell('no'));
  ask();
  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
}
`;

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Only inline content, and requests to the same host over https. */
export const TRUST_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(SCRIPT)}`,
  `style-src ${hashOf(STYLE)}`,
  'connect-src https:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @param port of https: without it the page explains how to enable it; without an authority the certificate is a public one */
export function trustPage(words: TrustWords, authority: ShownAuthority | undefined, port: number | undefined): string {
  const text = escapeXml;
  const check = port === undefined ? '' : checkOf(words, port);
  const nothing = port === undefined ? `<p id="off">${text(words.off)}</p>` : '';
  const body = authority ? `${check}${offer(words, authority)}` : `${check}${nothing}`;
  return `<!doctype html>
<html lang="${words.lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(words.title)} · Perch</title>
<style>${STYLE}</style>
<a class="other" lang="${words.other.lang}" href="?lang=${words.other.lang}">${words.other.name}</a>
<h1>${text(words.title)}</h1>
<p>${text(words.why)}</p>
${body}
<script>${SCRIPT}</script>
</html>
`;
}

const checkOf = (words: TrustWords, port: number): string => {
  const text = escapeXml;
  return `<p id="state" role="status" data-yes="${text(words.trusted)}" data-no="${text(words.notTrusted)}">${text(words.checking)}</p>
<p><a id="open" class="button" data-port="${port}" href="#">${text(words.open)}</a></p>`;
};

function offer(words: TrustWords, authority: ShownAuthority): string {
  const text = escapeXml;
  const devices = words.steps.map(({ device, file, steps }) => {
    const name = file === 'crt' ? words.download : words.downloadProfile;
    return `<h2>${text(device)}</h2>
<a class="button" href="trust/perch.${file}">${text(name)}</a>
<ol>${steps.map((step) => `<li>${text(step)}</li>`).join('')}</ol>`;
  });
  return `<h2>${text(words.fingerprint)}</h2>
<p>${text(authority.name)} · ${new Date(authority.untilMs).toISOString().slice(0, 10)}</p>
<code>${fingerprintLines(authority.fingerprint).join('\n')}</code>
<p>${text(words.compare)}</p>
${devices.join('\n')}`;
}
