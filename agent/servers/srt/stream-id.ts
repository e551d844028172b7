import { PerchError } from '../../base/errors.ts';

/** What a caller asks for. */
export interface SrtTarget {
  readonly action: 'read' | 'publish';
  readonly path: string;
  /** Query without `?`. */
  readonly query: string;
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

const STANDARD = '#!::';
/** Encoders append it to the last field (mediamtx#5414). FFmpeg sends the `%23` of a URL as it is. */
const FEEDBACK = /(?:#|%23)feedbackplay$/;
const ACTIONS: ReadonlyMap<string, SrtTarget['action']> = new Map([
  ['read', 'read'],
  ['publish', 'publish'],
  ['request', 'read'],
]);
const FORMS = 'publish:path, read:path, with :user:password and :query after it, or #!::m=publish,r=path';

/**
 * A stream ID as MediaMTX reads it: `action:path[:query]`, `action:path:user:password[:query]`, or the standard form of the
 * Internet-Draft (appendix B).
 * @throws PerchError badInput
 */
export function parseStreamId(text: string): SrtTarget {
  const id = text.replace(FEEDBACK, '');
  const target = id.startsWith(STANDARD) ? parseStandard(id.slice(STANDARD.length)) : parseShort(id);
  return { ...target, path: target.path.replace(/^\/+|\/+$/g, '') };
}

function parseShort(text: string): SrtTarget {
  const parts = text.split(':');
  const [name = '', path = ''] = parts;
  const action = name === 'request' ? undefined : ACTIONS.get(name);
  if (action === undefined || path === '' || parts.length > 5) {
    throw new PerchError('badInput', `SRT stream ID is not of the form ${FORMS}`);
  }
  if (parts.length < 4) {
    return { action, path, query: parts[2] ?? '', credentials: undefined };
  }
  const [, , user = '', password = '', query = ''] = parts;
  return { action, path, query, credentials: credentialsOf(user, password) };
}

/** Unknown keys are ignored: encoders add their own. */
function parseStandard(text: string): SrtTarget {
  const values = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [key = '', ...value] = pair.split('=');
    values.set(key, value.join('='));
  }
  const action = ACTIONS.get(values.get('m') ?? 'request');
  const path = values.get('r') ?? '';
  if (action === undefined || path === '') {
    throw new PerchError('badInput', `SRT stream ID names no path or no mode: ${FORMS}`);
  }
  return { action, path, query: '', credentials: credentialsOf(values.get('u') ?? '', values.get('s') ?? '') };
}

const credentialsOf = (user: string, password: string) =>
  user === '' && password === '' ? undefined : { user, password };
