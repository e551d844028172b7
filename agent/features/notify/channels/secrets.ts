import { PerchError } from '../../../base/errors.ts';
import { HIDDEN } from '../../../config/edit/json.ts';
import type { ChannelSettings } from './channel-fields.ts';
import { linesOf } from './template.ts';

/** Whether the text has a placeholder such as `{secret}`: the secret itself is stored separately. */
const hasPlaceholder = (text: string): boolean => /\{\w+[?}]/.test(text);

/** The settings with masked secrets, for the API. */
export function shownSettings(settings: ChannelSettings): ChannelSettings {
  switch (settings.kind) {
    case 'email':
      return { ...settings, password: masked(settings.password) };
    case 'ntfy':
      return { ...settings, url: shownUrl(settings.url), token: masked(settings.token) };
    case 'webHook':
      return {
        ...settings,
        url: shownUrl(settings.url),
        headers: linesOf(settings.headers).map(shownHeader).join('\n'),
        secret: masked(settings.secret),
      };
  }
}

const masked = (secret: string): string => (secret === '' ? '' : HIDDEN);

/** The URL without its secrets: tokens in path and query, a login, or the topic of ntfy, which is like a password. */
function shownUrl(url: string): string {
  const [, scheme = '', login, host = '', rest = ''] = /^([a-z]+:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/i.exec(url) ?? [];
  const isShown = login === undefined && (url.includes('{secret}') || rest.length < 2);
  return isShown ? url : `${scheme}${host}/${HIDDEN}`;
}

function shownHeader(line: string): string {
  const [name = '', ...value] = line.split(':');
  return hasPlaceholder(value.join(':')) ? line : `${name}: ${HIDDEN}`;
}

/**
 * Settings of a request, in which masked secrets are replaced by the stored ones.
 * @param before stored settings; undefined: a new channel
 * @throws PerchError badInput for a masked secret that is not set, or that would go to another server
 */
export function withKeptSecrets(settings: ChannelSettings, before: ChannelSettings | undefined): ChannelSettings {
  const restored = before ? restoredFrom(settings, before) : settings;
  if (isMasked(restored)) {
    throw new PerchError('badInput', `'${HIDDEN}' stands for a secret that is not set: send the secret`);
  }
  if (before && isMasked(settings) && serverOf(restored) !== serverOf(before)) {
    const message = `'${HIDDEN}' stands for a secret of another server: send the secret`;
    throw new PerchError('badInput', message, { why: 'password' });
  }
  return restored;
}

function restoredFrom(settings: ChannelSettings, before: ChannelSettings): ChannelSettings {
  if (settings.kind === 'email' && before.kind === 'email') {
    return { ...settings, password: restoredText(settings.password, before.password) };
  }
  if (settings.kind === 'ntfy' && before.kind === 'ntfy') {
    const token = restoredText(settings.token, before.token);
    return { ...settings, url: restoredText(settings.url, before.url, shownUrl), token };
  }
  if (settings.kind === 'webHook' && before.kind === 'webHook') {
    const former = linesOf(before.headers);
    const headers = linesOf(settings.headers).map((line) => former.find((one) => shownHeader(one) === line) ?? line);
    return {
      ...settings,
      url: restoredText(settings.url, before.url, shownUrl),
      headers: headers.join('\n'),
      secret: restoredText(settings.secret, before.secret),
    };
  }
  return settings;
}

const restoredText = (text: string, before: string, shown: (secret: string) => string = masked): string =>
  text === shown(before) ? before : text;

const isMasked = (settings: ChannelSettings): boolean => secretFields(settings).some((text) => text.includes(HIDDEN));

function secretFields(settings: ChannelSettings): readonly string[] {
  switch (settings.kind) {
    case 'email':
      return [settings.password];
    case 'ntfy':
      return [settings.url, settings.token];
    case 'webHook':
      return [settings.url, settings.headers, settings.secret];
  }
}

/** The server to which the secrets are sent, with scheme or security. */
function serverOf(settings: ChannelSettings): string {
  if (settings.kind === 'email') {
    return `${settings.security} ${settings.host.toLowerCase()}:${settings.port}`;
  }
  return /^[a-z]+:\/\/[^/?#{]*/i.exec(settings.url)?.[0].toLowerCase() ?? '';
}

/** Texts that no error message may contain, in all the encodings in which a server may repeat them, longest first. */
export function secretsOf(settings: ChannelSettings): readonly string[] {
  const found = settings.kind === 'email' ? emailSecrets(settings) : urlSecrets(settings.url);
  if (settings.kind === 'ntfy') {
    found.push(settings.token, passwordOf(settings.token));
  } else if (settings.kind === 'webHook') {
    const values = linesOf(settings.headers).map((line) => line.slice(line.indexOf(':') + 1).trim());
    found.push(settings.secret, ...values.filter((value) => !hasPlaceholder(value)).flatMap(headerSecrets));
  }
  const forms = found.filter((secret) => secret.length >= 4).flatMap(formsOf);
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

/** The password in `user:password`; empty: none. */
const passwordOf = (login: string): string => (login.includes(':') ? login.slice(login.indexOf(':') + 1) : '');

/** The password and the response of AUTH PLAIN (RFC 4616). */
const emailSecrets = ({ user, password }: { readonly user: string; readonly password: string }): string[] =>
  password === '' ? [] : [password, `\0${user}\0${password}`];

/** Secrets in a header's value: the value itself, the token of `Bearer abc`, the login of `Basic`. */
function headerSecrets(value: string): string[] {
  const words = value.split(/\s+/);
  const login = /^basic$/i.test(words[0] ?? '') ? Buffer.from(words[1] ?? '', 'base64').toString() : '';
  return [value, ...words.slice(words.length > 1 ? 1 : 0), login, passwordOf(login)];
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const query = new URLSearchParams({ a: secret }).toString().slice(2);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  const json = JSON.stringify(secret).slice(1, -1);
  return [secret, encodeURIComponent(secret), query, json, base64, bytes.toString('base64url')];
}

/** Secrets in a URL: password, path and query, unless `shownUrl` shows them. */
function urlSecrets(url: string): string[] {
  if (shownUrl(url) === url || !URL.canParse(url)) {
    return [];
  }
  const { pathname, search, password } = new URL(url);
  const steps = pathname.split('/');
  const decoded = steps.map(decodedText);
  const values = new URL(url).searchParams.values();
  return [pathname + search, pathname.slice(1), password, decodedText(password), ...steps, ...decoded, ...values];
}

/** Decodes percent-encoding; malformed sequences stay as they are. */
const decodedText = (text: string): string => new URLSearchParams(`a=${text}`).get('a') ?? '';
