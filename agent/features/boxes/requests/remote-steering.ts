import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { encodePath, type RemotePath } from '../../../config/values/remote-path.ts';
import {
  Abilities,
  type CameraCommands,
  Outputs,
  Position,
  Presets,
} from '../../../http/api/cameras/camera-control.ts';
import { checked } from './box-answers.ts';
import { type BoxRequests, MAX_JSON_BYTES } from './box-requests.ts';

/** Time for the box and its camera. */
const COMMAND_MS = 12_000;

/** What the box allows a server, see `STEERING_ROUTES`. Presets are saved by its owner alone. */
export type RemoteCommands = Pick<
  CameraCommands,
  | 'abilities'
  | 'move'
  | 'stop'
  | 'presets'
  | 'goToPreset'
  | 'goHome'
  | 'position'
  | 'moveTo'
  | 'center'
  | 'outputs'
  | 'setOutput'
>;

interface RemoteSteeringDeps {
  readonly requests: Pick<BoxRequests, 'json'>;
  remoteOf(path: string): RemotePath | undefined;
}

/** Commands to cameras of boxes. */
export function remoteSteering({ requests, remoteOf }: RemoteSteeringDeps): RemoteCommands {
  const ask = async <T extends Type.TSchema>(path: string, what: string, answer: T, body?: object) => {
    const remote = remoteOf(path);
    if (!remote) {
      throw new PerchError('notFound', 'the path shows no camera of a box any more', { path });
    }
    const request = {
      path: `/v3/cameras/${what}/${encodePath(remote.path)}`,
      limitMs: COMMAND_MS,
      ...(body && { method: 'POST' as const, body: JSON.stringify(body) }),
    };
    return requests.json(remote.box, request, MAX_JSON_BYTES, (given) => checked(answer, given, 'answer'));
  };
  const command = async (path: string, what: string, body: object = {}): Promise<void> => {
    await ask(path, what, Type.Unknown(), body);
  };
  return {
    abilities: (path) => ask(path, 'ptz/get', Abilities),
    move: (path, velocity) => command(path, 'ptz/move', velocity),
    stop: (path) => command(path, 'ptz/stop'),
    presets: async (path) => (await ask(path, 'ptz/presets', Presets)).items,
    goToPreset: (path, token) => command(path, 'ptz/goto', { token }),
    goHome: (path) => command(path, 'ptz/home'),
    position: (path) => ask(path, 'ptz/position', Position),
    moveTo: (path, position) => command(path, 'ptz/position', position),
    center: (path, point) => command(path, 'ptz/center', point),
    outputs: async (path) => (await ask(path, 'outputs/list', Outputs)).items,
    setOutput: (path, id, isOn) => command(path, 'outputs/set', { id, isOn }),
  };
}
