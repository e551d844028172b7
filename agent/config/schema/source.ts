import { PerchError } from '../../base/errors.ts';
import { redact } from '../../base/log.ts';
import { ESCAPES, parseLogin, splitUrl, type UrlParts } from '../../base/network/url-parts.ts';
import type { Fault, SourceKeys } from './common/key-rules.ts';
import { ffmpegCommand, isFfmpegSource } from './ffmpeg-source.ts';
import { UNSUPPORTED_SOURCES } from './inert.ts';
import type { PathSettings } from './path.ts';

/** Sources of MediaMTX that are not URLs; `true`: supported. */
const WORDS: Readonly<Record<string, boolean>> = { publisher: true, redirect: true, rpiCamera: false };
/** Schemes of MediaMTX that Perch does not support. */
const OTHER_SCHEMES = ['moqt'];

const expectedOf = (sources: readonly SourceKeys[]): string =>
  `write publisher, redirect, or for example ${sources[0]?.example}`;

/** A source in messages: the scheme of a URL, without credentials. */
const schemeText = (source: string): string =>
  /^[a-z0-9+]{1,20}:\/\//i.exec(source)?.[0] ?? redact(source).slice(0, 64);
export const schemeOf = (url: string): string => schemeText(url.trim()).replace('://', '').toLowerCase();

function isSupported(source: string, sources: readonly SourceKeys[]): boolean {
  const scheme = schemeOf(source);
  return source.includes('://')
    ? scheme === 'ffmpeg' || sources.some(({ schemes }) => schemes.includes(scheme))
    : WORDS[source] === true;
}

/** Messages do not show the URL, which holds the camera's password. @throws PerchError badInput */
export function checkSource(text: string, sources: readonly SourceKeys[]): string {
  const isUrl = text.includes('://');
  if (!isUrl && Object.hasOwn(WORDS, text)) {
    return text;
  }
  if (!isUrl || !(isSupported(text, sources) || OTHER_SCHEMES.includes(schemeOf(text)))) {
    const shown = text.includes('@') ? 'the value' : `'${schemeText(text)}'`;
    throw new PerchError('badInput', `${shown} is not a source: ${expectedOf(sources)}`);
  }
  if (isFfmpegSource(text)) {
    ffmpegCommand(text);
  } else if (isSupported(text, sources)) {
    checkUrl(text, sources);
  }
  return text;
}

/** Replaced when the source is opened: by a group of the path's regular expression, or the reader's query. */
const SOURCE_VARIABLE = /\$(?:G\d{1,2}|MTX_QUERY)/g;

/** HLS and WHEP are read by HTTP, which has names of hosts by the rules of the web. */
const isWebUrl = ({ scheme, host, rest }: UrlParts): boolean =>
  !/^(?:https?|wheps?)$/.test(scheme) || URL.canParse(`http://${host}${rest}`);

function checkUrl(withVariables: string, sources: readonly SourceKeys[]): void {
  const parts = splitUrl(withVariables.replace(SOURCE_VARIABLE, '1'));
  const kind = schemeText(withVariables);
  // A local socket is a file, on no host.
  if (!parts || parts[parts.scheme.startsWith('unix+') ? 'rest' : 'host'] === '' || !isWebUrl(parts)) {
    throw new PerchError('badInput', `the ${kind} URL is not valid: ${expectedOf(sources)}; ${ESCAPES}`);
  }
  if (parts.scheme.startsWith('rtsp') && /\s/.test(parts.rest)) {
    throw new PerchError('badInput', `the ${kind} URL has a blank after the host: write %20`);
  }
  const { user, password = '' } = parseLogin(parts.login ?? '');
  if ((user === '') !== (password === '')) {
    throw new PerchError(
      'badInput',
      'the URL has a user without password, or a password without user: both or neither',
    );
  }
}

/** Checks a path's source and the keys that depend on it. */
export function sourceFaults(
  settings: PathSettings,
  sources: readonly SourceKeys[],
  isPattern: boolean,
): readonly Fault[] {
  const { source, sourceOnDemand, sourceRedirect } = settings;
  if (!isSupported(source, sources)) {
    const kind = schemeText(source);
    return [
      { key: 'source', message: `'${kind}' is not supported: ${UNSUPPORTED_SOURCES[kind] ?? expectedOf(sources)}` },
    ];
  }
  const isPulled = source.includes('://');
  const faults: Fault[] = [];
  if (isPattern && isPulled && !sourceOnDemand) {
    const message =
      'a source for a pattern of names needs sourceOnDemand: yes, because the names are not known in advance';
    faults.push({ key: 'source', message });
  }
  if (sourceOnDemand && source === 'publisher') {
    faults.push({ key: 'sourceOnDemand', message: "has no effect with the source 'publisher', which is not pulled" });
  }
  if (source === 'redirect' && sourceRedirect === '') {
    faults.push({ key: 'sourceRedirect', message: "the source 'redirect' needs this key, the target for readers" });
  }
  if (source !== 'redirect' && sourceRedirect !== '') {
    faults.push({ key: 'sourceRedirect', message: "has no effect unless the source is 'redirect'" });
  }
  if (settings.sourceOnDemandStartTimeoutMs <= 0) {
    faults.push({ key: 'sourceOnDemandStartTimeout', message: 'must be longer than zero' });
  }
  return [...faults, ...sources.flatMap((keys) => keys.faults(settings))];
}
