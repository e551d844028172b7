import { Clean } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';
import { encodePath, type RemotePath } from '../../../config/values/remote-path.ts';
import { PermittedSettings } from '../serving/schemas.ts';
import { checked } from './box-answers.ts';
import { type BoxRequests, MAX_JSON_BYTES } from './box-requests.ts';

/** Time for a box that writes its configuration. */
const CHANGE_MS = 12_000;

/** By the path on this server. @throws PerchError as the box says */
export interface BoxSettings {
  read(path: string): Promise<PermittedSettings>;
  change(path: string, settings: PermittedSettings): Promise<void>;
}

interface RemoteSettingsDeps {
  readonly requests: Pick<BoxRequests, 'json'>;
  remoteOf(path: string): RemotePath | undefined;
}

/** Settings of cameras of boxes. */
export function remoteSettings({ requests, remoteOf }: RemoteSettingsDeps): BoxSettings {
  const ask = async <T>(path: string, request: object, read: (answer: unknown) => T): Promise<T> => {
    const remote = remoteOf(path);
    if (!remote) {
      throw new PerchError('notFound', 'the path shows no camera of a box', { path });
    }
    const target = `/v3/pairedservers/settings/${encodePath(remote.path)}`;
    return requests.json(remote.box, { path: target, limitMs: CHANGE_MS, ...request }, MAX_JSON_BYTES, read);
  };
  return {
    read: (path) =>
      ask(
        path,
        {},
        (answer) => Clean(PermittedSettings, checked(PermittedSettings, answer, 'answer')) as PermittedSettings,
      ),
    change: (path, settings) => ask(path, { method: 'PATCH', body: JSON.stringify(settings) }, () => undefined),
  };
}
