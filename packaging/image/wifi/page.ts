import { COUNTRY_CODES } from './countries.ts';
import { type FoundNetwork, networkName, type WifiState } from './state.ts';
import type { Fault, Words } from './words.ts';

/** What was typed before, for a form with a fault. */
export interface Typed {
  readonly country?: string;
  readonly network?: string;
  readonly name?: string;
}

interface ChoicePage {
  readonly state: WifiState;
  readonly found: readonly FoundNetwork[];
  readonly words: Words;
  readonly typed: Typed;
  readonly fault: Fault | undefined;
  readonly isSearching: boolean;
}

/** Value of the choice of a network that is not in the list. */
export const HIDDEN = 'hidden';
/** Seconds: a search takes somewhat less. */
const SEARCH_S = 8;

const STYLE = `
:root{color-scheme:light dark;--ink:#16202a;--soft:#5b6773;--back:#f4f5f7;--card:#fff;--line:#d5dae0;--main:#0b6bcb;--on:#fff;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf0;--soft:#9aa7b4;--back:#10151a;--card:#1a2129;--line:#333d47;--main:#5aa9f5;--on:#0b1117;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:17px/1.45 system-ui,sans-serif}
main{max-width:30rem;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.4rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1rem;margin:2rem 0 .25rem}
p{margin:.5rem 0}
.soft,small{color:var(--soft);font-size:.9rem}
.bad{background:var(--card);border-inline-start:4px solid var(--bad);padding:.75rem 1rem;border-radius:.5rem}
fieldset{border:0;padding:0;margin:1.25rem 0 0}
legend,.label{display:block;font-weight:600;padding:0;margin:1.25rem 0 .35rem}
select,input[type=text],button{font:inherit;color:inherit;width:100%;min-height:3rem;border-radius:.6rem;border:1px solid var(--line);background:var(--card);padding:.6rem .8rem}
button{cursor:pointer}
button.main{background:var(--main);border-color:var(--main);color:var(--on);font-weight:600;margin-top:1.5rem}
.list{background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
.list label,.list li{display:flex;gap:.7rem;align-items:center;min-height:3rem;padding:.5rem .8rem;border-top:1px solid var(--line)}
.list>:first-child{border-top:0}
.list .name{flex:1;overflow-wrap:anywhere}
.list form{margin:0}
.list button{min-height:2.75rem;padding:.2rem .8rem;width:auto}
input[type=radio]{inline-size:1.25rem;block-size:1.25rem;flex:none;accent-color:var(--main)}
ul,ol{margin:.5rem 0;padding-inline-start:1.4rem}
ul.list{padding:0}
.url{font-size:1.15rem;font-weight:600;overflow-wrap:anywhere;user-select:all}
form.search{margin-top:.6rem}
:focus-visible{outline:3px solid var(--main);outline-offset:2px}
`;

/** Where a network is chosen. It works without scripts: the small browsers of phones for such pages run few. */
export function choicePage({ state, found, words, typed, fault, isSearching }: ChoicePage): string {
  const { failed, known } = state;
  const chosen = typed.network ?? failed?.id;
  const saved = new Set(known.map(({ id }) => id));
  const wrong =
    fault === undefined ? failed && words.failed[failed.reason](networkName(failed.id)) : words.faults[fault];
  const rows = found.map((network) => networkRow(network, words, chosen, saved.has(network.id)));
  return document(
    words,
    words.title,
    `<h1>${escapeHtml(words.title)}</h1>
${wrong === undefined ? `<p>${escapeHtml(words.lead)}</p>` : `<p class="bad" role="alert">${escapeHtml(wrong)}</p>`}
<form method="post" action="/join">
<label class="label" for="country">${escapeHtml(words.country)}</label>
<select id="country" name="country" required>${countryOptions(words, typed.country ?? state.country)}</select>
<small>${escapeHtml(words.countryNote)}</small>
<fieldset><legend>${escapeHtml(words.network)}</legend>
<div class="list">${rows.join('')}
<label><input type="radio" name="network" value="${HIDDEN}" required${chosen === HIDDEN ? ' checked' : ''}><span class="name">${escapeHtml(words.hidden)}</span></label></div>
${found.length === 0 && !isSearching ? `<p class="soft">${escapeHtml(words.none)}</p>` : ''}
<label class="label" for="name">${escapeHtml(words.hiddenName)}</label>
<input id="name" name="name" type="text" maxlength="32" autocomplete="off" autocapitalize="off" spellcheck="false" value="${escapeHtml(typed.name ?? '')}">
</fieldset>
<label class="label" for="password">${escapeHtml(words.password)}</label>
<input id="password" name="password" type="text" maxlength="64" autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false">
<small>${escapeHtml(words.passwordNote)}</small>
<button class="main">${escapeHtml(words.join)}</button>
</form>
<form class="search" method="post" action="/search"><button${isSearching ? ' disabled' : ''}>${escapeHtml(isSearching ? words.searching : words.search)}</button></form>
${known.length === 0 ? '' : knownNetworks(state, words)}`,
    isSearching ? `<meta http-equiv="refresh" content="${SEARCH_S};url=/">` : '',
  );
}

function networkRow({ id, kind }: FoundNetwork, words: Words, chosen: string | undefined, isSaved: boolean): string {
  const notes = [
    ...(kind === 'open' ? [words.open] : []),
    ...(kind === 'other' ? [words.needsMore] : []),
    ...(isSaved ? [words.known] : []),
  ];
  const state = `${id === chosen ? ' checked' : ''}${kind === 'other' ? ' disabled' : ''}`;
  return `
<label><input type="radio" name="network" value="${id}" required${state}><span class="name">${escapeHtml(networkName(id))}</span><small>${escapeHtml(notes.join(', '))}</small></label>`;
}

function knownNetworks({ known }: WifiState, words: Words): string {
  const rows = known.map(
    ({ id }) => `
<li><span class="name">${escapeHtml(networkName(id))}</span><form method="post" action="/forget"><input type="hidden" name="network" value="${id}"><button>${escapeHtml(words.forget)}</button></form></li>`,
  );
  return `<h2>${escapeHtml(words.knownTitle)}</h2>
<p class="soft">${escapeHtml(words.knownNote)}</p>
<ul class="list">${rows.join('')}</ul>`;
}

function countryOptions(words: Words, chosen: string | undefined): string {
  const names = new Intl.DisplayNames(words.lang, { type: 'region' });
  const order = new Intl.Collator(words.lang);
  const options = [...COUNTRY_CODES]
    .map((code) => ({ code, name: names.of(code) ?? code }))
    .sort((a, b) => order.compare(a.name, b.name))
    .map(
      ({ code, name }) => `<option value="${code}"${code === chosen ? ' selected' : ''}>${escapeHtml(name)}</option>`,
    );
  return `<option value=""${chosen === undefined ? ' selected' : ''} disabled>${escapeHtml(words.chooseCountry)}</option>${options.join('')}`;
}

/** Page with the box's future address. It is sent first, because the access point is gone while the box changes its channel. */
export function joiningPage({ box, point, known }: WifiState, id: string, words: Words): string {
  const name = networkName(id);
  const address = known.find((network) => network.id === id)?.address;
  const url = (host: string) => `<p class="url">http://${escapeHtml(host)}</p>`;
  const byAddress =
    address === undefined
      ? ''
      : `<p>${escapeHtml(words.orAddress)}</p>${url(address.includes(':') ? `[${address}]` : address)}`;
  return document(
    words,
    words.joining(name),
    `<h1>${escapeHtml(words.joining(name))}</h1>
<p>${escapeHtml(words.joiningLead)}</p>
<ol><li>${escapeHtml(words.stepNetwork(name))}</li><li>${escapeHtml(words.stepPage)}${url(`${box}.local`)}${byAddress}</li></ol>
<p class="soft">${escapeHtml(words.ifBack(point))}</p>`,
  );
}

function document(words: Words, title: string, body: string, head = ''): string {
  return `<!doctype html>
<html lang="${words.lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">${head}<title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>${body}</main></body></html>
`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ESCAPES[letter] ?? '');
