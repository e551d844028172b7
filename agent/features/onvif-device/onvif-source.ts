import { eventKindsOf } from '../../base/event-kinds.ts';
import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import { portOf } from '../../config/values/address.ts';
import { hasRtp } from '../../media/sdp/write.ts';
import { perchOf } from '../../onvif/device/perch-camera.ts';
import type { ZonedTime } from '../../playback/read/rfc3339.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import type { Host } from '../contract.ts';
import type { RecordedStore } from './recordings/recorded-cameras.ts';
import type { CameraDetection, OfferedCamera, OnvifSource, StreamFacts } from './server/contract.ts';
import { factsOf, NO_FACTS } from './stream-facts.ts';

/** Limits for a snapshot: a recorder waits for the response. */
const SNAPSHOT = { timeoutMs: 5_000, maxAgeMs: 1_000 };

export type OnvifSourceDeps = Pick<Host, 'version' | 'config' | 'steering' | 'paths' | 'recordings' | 'pictures'>;

/** Cameras, streams and events for other recorders. */
export function onvifSource(deps: OnvifSourceDeps, onChange: OnvifSource['onChange']): OnvifSource {
  const { config, recordings, pictures, version } = deps;
  // A person moves the camera there.
  const steering = deps.steering.asPerson;
  const { hub } = recordings.events;
  /** Facts of the streams that have run, by path: recorders ask for them while a camera is away, too. */
  const known = new Map<string, StreamFacts>();
  return {
    version,
    cameras: () => offeredCameras(config()),
    facts: (path) => {
      const stream = deps.paths.openStreams().find(([name]) => name === path)?.[1];
      if (stream) {
        const former = known.get(path) ?? NO_FACTS;
        known.set(path, factsOf(stream, deps.paths.find(path)?.bitrate ?? 0, former));
      }
      return known.get(path) ?? NO_FACTS;
    },
    isPrivate: (path) => settingsOf(path, config())?.isPrivate === true,
    rtsp: () => {
      const { rtspAddress, rtspsAddress, rtspEncryption, rtspTransports } = config();
      const isSecure = rtspEncryption === 'strict';
      return { port: portOf(isSecure ? rtspsAddress : rtspAddress), isSecure, transports: rtspTransports };
    },
    hasPicture: (path) => pictures.hasPicture(pictured(path, pictures)),
    picture: (path) => pictures.picture(pictured(path, pictures), SNAPSHOT),
    ptz: {
      abilities: async (path) => {
        const { hasPanTilt, hasZoom, hasHome, hasAbsolute, mostPresets } = await steering.abilities(path);
        return { hasPanTilt, hasZoom, hasHome: hasHome === true, hasAbsolute, maxPresets: mostPresets ?? 0 };
      },
      move: (path, velocity) => steering.move(path, velocity),
      stop: (path) => steering.stop(path),
      presets: (path) => steering.presets(path),
      goToPreset: (path, token) => steering.goToPreset(path, token),
      goHome: (path) => steering.goHome(path),
      position: (path) => steering.position(path),
      moveTo: (path, position) => steering.moveTo(path, position),
    },
    onEvent: (listener) => hub.listen((event, known) => listener(newsOf(event, known))),
    ongoing: (path) => hub.running(path).map((event) => newsOf(event)),
    onChange,
  };
}

/**
 * Paths of the file without patterns. A camera that another Perch offers is not offered again: two Perches would adopt each other's
 * cameras without end.
 */
export function offeredCameras({ paths }: Pick<Config, 'paths'>): OfferedCamera[] {
  const plain = [...paths.values()].filter(({ settings, pattern }) => settings !== undefined && pattern === undefined);
  const names = new Set(plain.map(({ name }) => name));
  const mainOf = (name: string) => (name.endsWith(SUB_SUFFIX) ? name.slice(0, -SUB_SUFFIX.length) : undefined);
  return plain.flatMap(({ name, settings }) => {
    const { camera } = settings ?? {};
    const isOfPerch = perchOf(camera?.endpoint) !== undefined || perchOf(camera?.serial) !== undefined;
    if (isOfPerch || names.has(mainOf(name) ?? '')) {
      return [];
    }
    const sub = name + SUB_SUFFIX;
    const main = { token: 'main', path: name } as const;
    const streams = names.has(sub) ? [main, { token: 'sub', path: sub } as const] : [main];
    return [{ path: name, name: camera?.name || name, streams }];
  });
}

/** The small stream has the picture of its camera, unless it has one of its own. */
function pictured(path: string, pictures: Pick<Host['pictures'], 'hasPicture'>): string {
  return path.endsWith(SUB_SUFFIX) && !pictures.hasPicture(path) ? path.slice(0, -SUB_SUFFIX.length) : path;
}

/** The recordings of this box for the services of Profile G. */
export function recordedStore({ recordings, paths }: Pick<OnvifSourceDeps, 'recordings' | 'paths'>): RecordedStore {
  const { playback } = recordings;
  const at = (us: number | undefined): ZonedTime | undefined => (us === undefined ? undefined : { us, offsetMs: 0 });
  return {
    spans: (path, fromUs, toUs) => playback.spans(path, at(fromUs), at(toUs)),
    tracks: async (path) => (await playback.newestTracks(path)).filter(hasRtp),
    isRecording: (path) => paths.find(path)?.recording?.active === true,
    events: (path, fromUs, toUs, limit) =>
      playback.events.eventsOf(path, fromUs, toUs, limit).map((event) => newsOf(event)),
  };
}

type EventFacts = Pick<CameraEvent, 'id' | 'path' | 'type' | 'startUs' | 'endUs' | 'labels'>;

const settingsOf = (path: string, config: Config): PathSettings | undefined => resolvePath(config, path)?.settings;

function newsOf(event: EventFacts, known?: EventFacts): CameraDetection {
  const { id, path, startUs, endUs } = event;
  // What a running event was until now may be over.
  const before = known && known.endUs === undefined ? eventKindsOf(known) : [];
  return {
    id,
    path,
    kinds: [...new Set([...eventKindsOf(event), ...before])],
    ...(known?.endUs !== undefined && { formerKinds: eventKindsOf(known) }),
    startMs: startUs / 1000,
    endMs: endUs === undefined ? undefined : endUs / 1000,
  };
}
