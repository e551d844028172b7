import { hostname } from 'node:os';
import { endsWithin } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import type { ApiEdits } from '../../config/edit/api-edits.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { Host } from '../contract.ts';
import type { MqttCamera, MqttSource } from './link/contracts.ts';

/** Length of the clip that a command records. */
const CLIP_US = 30e6;
/** How long a command waits for the recorder. A recorder whose disk hangs does not delay the next commands. */
const SETTLED_MS = 5_000;
/** Commands change no permissions and run no programs. */
const EDITOR = { hasAllRights: false, user: 'MQTT' } as const;

export type MqttSourceDeps = Pick<
  Host,
  'version' | 'config' | 'paths' | 'recordings' | 'pictures' | 'edits' | 'events' | 'name' | 'readings' | 'clock'
> & { readonly steering: Pick<Host['steering'], 'presets' | 'asPerson'> };

/** Cameras, events and commands for the MQTT link. */
export function mqttSource(deps: MqttSourceDeps): MqttSource {
  const { config, recordings, pictures, steering, events } = deps;
  const { hub } = recordings.events;
  const names = () => camerasOf(config());
  return {
    version: deps.version,
    name: deviceName(deps.name.current?.replace(/\.local$/, '') ?? hostname()),
    cameras: () => names().map((path) => cameraOf(path, deps)),
    device: () => deps.readings(),
    picture: (path) => pictures.picture(path),
    presets: async (path) => [...new Set((await steering.presets(path)).map(({ name, token }) => name || token))],
    onEvent: (listener) => hub.listen(listener),
    onChange: (listener) =>
      events.listen(({ type }) => {
        if (type === 'path' || type === 'camera') {
          listener();
        } else if (type === 'config' || type === 'box') {
          // A change of settings or of the mode is reported before it is in force.
          void recordings.settled().then(listener);
        }
      }),
    ongoing: () => names().flatMap((path) => hub.running(path)),
    commands: {
      record: (path, isOn) => setRecording(path, isOn, deps),
      goToPreset: async (path, name) => {
        const items = await steering.presets(path);
        const preset = items.find((one) => [one.name, one.token].includes(name));
        if (!preset) {
          throw new PerchError('notFound', `the camera has no preset '${name.slice(0, 64)}'`, { path });
        }
        await steering.asPerson.goToPreset(path, preset.token);
      },
      recordClip: async (path) => {
        if (settingsOf(path, config())?.record === 'no') {
          throw new PerchError('unavailable', 'recording is off', { path });
        }
        const startUs = Math.round(deps.clock.wallMs() * 1000);
        const once = { id: undefined, state: undefined, text: 'MQTT' };
        await recordings.events.tell({ ...once, path, type: 'clip', startUs, endUs: startUs + CLIP_US });
      },
    },
  };
}

const deviceName = (host: string): string => (host === 'perch' ? 'Perch' : `Perch ${host}`);

/** Paths of the configuration, without patterns and sub streams. */
function camerasOf({ paths }: Config): string[] {
  return [...paths.values()]
    .filter(({ settings, pattern }) => settings !== undefined && pattern === undefined)
    .map(({ name }) => name)
    .filter((name) => !(name.endsWith(SUB_SUFFIX) && paths.has(name.slice(0, -SUB_SUFFIX.length))));
}

const settingsOf = (path: string, config: Config): PathSettings | undefined => resolvePath(config, path)?.settings;

function cameraOf(path: string, { config, paths, pictures }: MqttSourceDeps): MqttCamera {
  const settings = settingsOf(path, config());
  const status = paths.find(path);
  // Without readers a source on demand is not connected.
  const isIdle = status?.sourceOnDemand === true && status.sourceState === 'stopped' && status.lastError === null;
  return {
    path,
    name: settings?.camera?.name || path,
    hasPicture: pictures.hasPicture(path),
    isOnline: status?.ready === true || isIdle,
    isRecording: settings !== undefined && settings.record !== 'no',
  };
}

/** The value of `record` before `OFF`, by path, which `ON` restores. */
const former = new WeakMap<ApiEdits, Map<string, 'always' | 'motion'>>();

async function setRecording(path: string, isOn: boolean, deps: MqttSourceDeps): Promise<void> {
  const { config, edits, recordings, clock } = deps;
  const known = former.get(edits) ?? new Map<string, 'always' | 'motion'>();
  former.set(edits, known);
  const { pathDefaults } = config();
  const now = settingsOf(path, config())?.record ?? 'no';
  if ((now !== 'no') === isOn) {
    return;
  }
  if (now !== 'no') {
    known.set(path, now);
  }
  const wanted = known.get(path) ?? (pathDefaults.record === 'motion' ? 'motion' : 'always');
  await edits.patchPath(path, { record: !isOn ? false : wanted === 'always' ? true : wanted }, EDITOR);
  await endsWithin(clock, SETTLED_MS, recordings.settled());
}
