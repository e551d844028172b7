import { PerchError } from '../../base/errors.ts';
import { decoded } from '../../base/network/url-parts.ts';
import type { SessionCredentials } from '../../protocols/contract.ts';

/** What a client names in connect and in play or publish. */
export interface RtmpTarget {
  /** Name of the path: decoded, without slashes around it. */
  readonly name: string;
  /** Query as sent, without `?`. */
  readonly query: string;
}

const MAX_CHARS = 4_096;
/** Parameters that log in. */
const SECRETS = /^(?:user|pass|token|jwt)$/i;

/** The path is application and stream name; either may have a query, which OBS and FFmpeg put into different ones. */
export function targetOf(app: string, stream: string): RtmpTarget {
  if (app.length + stream.length > MAX_CHARS) {
    throw new PerchError('badInput', `address of ${app.length + stream.length} characters, at most ${MAX_CHARS}`);
  }
  const [appPath, appQuery] = split(app);
  const [streamPath, streamQuery] = split(stream);
  const parts = `${appPath}/${streamPath}`.split('/').filter((part) => part !== '');
  return {
    name: parts.map(decoded).join('/'),
    query: [appQuery, streamQuery].filter((query) => query !== '').join('&'),
  };
}

/** `?user=…&pass=…`, as MediaMTX takes them, if there are any. */
export function credentialsOf(query: string): SessionCredentials | undefined {
  const parameters = new URLSearchParams(query);
  const [user, password] = [parameters.get('user'), parameters.get('pass')];
  return user === null && password === null ? undefined : { user: user ?? '', password: password ?? '' };
}

/** The query for lists and hooks: without parameters that log in. */
export const withoutSecrets = (query: string): string =>
  query
    .split('&')
    .filter((parameter) => !SECRETS.test(parameter.split('=', 1)[0] ?? ''))
    .join('&');

function split(text: string): readonly [path: string, query: string] {
  const question = text.indexOf('?');
  return question < 0 ? [text, ''] : [text.slice(0, question), text.slice(question + 1)];
}
