import { PerchError } from '../../../base/errors.ts';

/** The only virtual host: Perch has no others. */
export const VHOST = '__defaultVhost__';
/** The app of a path without a slash. */
const PLAIN_APP = 'live';

/** A stream as ZLMediaKit names it. */
export interface StreamName {
  readonly app: string;
  readonly stream: string;
}

/** `yard/gate/left` is stream `gate/left` of app `yard`; `cam1` is stream `cam1` of app `live`. */
export function streamNameOf(path: string): StreamName {
  const slash = path.indexOf('/');
  return slash < 0 ? { app: PLAIN_APP, stream: path } : { app: path.slice(0, slash), stream: path.slice(slash + 1) };
}

export const streamKey = ({ app, stream }: StreamName): string => `${VHOST}/${app}/${stream}`;

/** Inverse of `keyOf`. @throws PerchError badInput */
export function parseKey(key: string): StreamName {
  const [vhost = '', app = '', ...rest] = key.split('/');
  const stream = rest.join('/');
  if (vhost === '' || app === '' || stream === '') {
    throw new PerchError('badInput', `key '${key.slice(0, 100)}' is not vhost/app/stream`);
  }
  return { app, stream };
}

/** Fields of a web hook that name a stream. */
export const streamFields = (path: string, schema: string, params = '') => ({
  schema,
  protocol: schema,
  vhost: VHOST,
  ...streamNameOf(path),
  params,
});
