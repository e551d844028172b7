import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { pathJson } from '../../../config/edit/json.ts';
import { parseDuration } from '../../../config/values/duration.ts';
import { isCatchAll, isStreamPath } from '../../../config/values/path-name.ts';
import { remotePathOf } from '../../../config/values/remote-path.ts';
import { parseSize } from '../../../config/values/size.ts';
import { pathName } from '../../../http/api/schema/names.ts';
import { answers, operation, PathName } from '../../../http/api/schema/schemas.ts';
import { serverOf } from '../../../http/auth/signed-requests.ts';
import { checkedBody } from '../../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../../http/messages/responses.ts';
import type { Host } from '../../contract.ts';
import { MAX_BODY_BYTES, PermittedSettings, SettingsChange } from './schemas.ts';

type SettingsHost = Pick<Host, 'settings' | 'edits' | 'servers' | 'log'>;

const TAG = 'boxes';
const LIMITS = [
  ['recordDeleteAfter', parseDuration],
  ['recordMaxSize', parseSize],
] as const;

/** Settings of this box's cameras for paired servers that have the right. */
export const pairedSettingsRoutes: FastifyPluginAsync<{ readonly host: SettingsHost }> = async (app, { host }) => {
  noStore(app);
  const params = PathName;
  const read = operation(TAG, 'Permitted settings of a camera', answers(PermittedSettings, 400, 404), { params });
  app.get('/v3/pairedservers/settings/*', { schema: read }, async (request) =>
    settingsOf(host, requested(host, request).path),
  );
  const change = operation(TAG, 'Changes permitted settings of a camera', answers(OkAnswer, 400, 404, 503), {
    params,
    body: SettingsChange,
  });
  app.patch('/v3/pairedservers/settings/*', { bodyLimit: MAX_BODY_BYTES, schema: change }, async (request) => {
    const { path, server } = requested(host, request);
    const settings = checkedBody(SettingsChange, request.body);
    checkKeepsLonger(settingsOf(host, path), settings);
    // No person has such a name.
    await host.edits.patchPath(path, settings, { hasAllRights: false, user: `server '${server}'` });
    host.log.info({ path, server, keys: Object.keys(settings) }, 'a paired server has changed settings');
    return OK;
  });
};

/** @throws PerchError unauthorized */
function requested(
  { servers }: SettingsHost,
  request: FastifyRequest,
): { readonly path: string; readonly server: string } {
  const server = servers.find(serverOf(request) ?? '');
  if (!server) {
    throw new PerchError('unauthorized', 'only for paired servers: the request needs their signature');
  }
  const path = pathName(request);
  if (!server.may('settings', path)) {
    throw new PerchError('unauthorized', `this box does not let the server change settings of '${path}'`, { path });
  }
  return { path, server: server.name };
}

/** 0: no limit. What is not a limit is refused later, as that of the box's owner. */
function limitOf(text: string, parse: (text: string) => number): number {
  try {
    return parse(text) || Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** A server must not delete recordings of the box. @throws PerchError badInput */
function checkKeepsLonger(before: PermittedSettings, change: PermittedSettings): void {
  for (const [key, parse] of LIMITS) {
    const [now = '', then] = [before[key], change[key]];
    if (then !== undefined && limitOf(then, parse) < limitOf(now, parse)) {
      throw new PerchError(
        'badInput',
        `${key}: less than the ${now} of now deletes recordings: only on the box itself`,
      );
    }
  }
}

/** Of a camera of this box: neither of a pattern, nor of a camera that it shows from another box. @throws PerchError notFound */
function settingsOf({ settings }: SettingsHost, path: string): PermittedSettings {
  const { paths, keys } = settings();
  const entry = isStreamPath(path) && !isCatchAll(path) ? paths.get(path) : undefined;
  if (!entry?.settings || entry.pattern !== undefined || remotePathOf(entry.settings.source)) {
    throw new PerchError('notFound', 'this box has no camera with settings of this name', { path });
  }
  const shown: Readonly<Record<string, unknown>> = pathJson(entry, keys);
  const permitted = Object.keys(PermittedSettings.properties).filter((key) => key in shown);
  return Object.fromEntries(permitted.map((key) => [key, shown[key]]));
}
