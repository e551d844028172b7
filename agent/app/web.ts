import { LinkedBoxes } from '../auth/pairing/linked-boxes.ts';
import { ApiEdits } from '../config/edit/api-edits.ts';
import { FileEdits } from '../config/edit/file-edits.ts';
import type { Host } from '../features/contract.ts';
import { OF_EVENT } from '../recordings/live-pictures.ts';
import { rtspServer } from '../servers/rtsp/protocol.ts';
import { problemsIn, type Shared } from './app-state.ts';
import type { CameraPart } from './cameras.ts';
import { Backups } from './device/backup.ts';
import { OpenFeatures } from './features/open-features.ts';
import { FEATURES } from './features/table.ts';
import type { HostPart } from './host.ts';
import { HttpListeners } from './listeners/http-listeners.ts';
import type { MediaPart } from './media.ts';
import { accessOfServer } from './servers/session-access.ts';
import { SourceTests } from './servers/source-tests.ts';

/** The features, and the HTTP listeners with page and API. */
export function openWeb(
  shared: Shared,
  host: HostPart,
  media: MediaPart,
  camera: CameraPart,
  links: Pick<Host, 'applyAgain' | 'applyPaths'>,
): HttpListeners {
  const { store, env, pairedServers, features: given = FEATURES } = shared;
  const { paths, recordings, pictures, servers, commands } = media;
  const { cameras, layouts, control } = camera;
  const edits = new ApiEdits(store, env);
  const parts = { ...shared, ...host, paths, recordings, cameras, ...control, edits };
  const features: OpenFeatures = new OpenFeatures(given, {
    ...parts,
    ...links,
    pictures: {
      picture: (path, limits = OF_EVENT) => pictures.picture(path, limits),
      small: (path, maxBytes) => pictures.small(path, maxBytes),
      rgb: (path, side, aroundAt, keyFrameMs) => pictures.rgb(path, side, aroundAt, keyFrameMs),
      jpegOf: (pixels) => recordings.playback.pictures.encode(pixels),
      hasPicture: (path) => pictures.hasPicture(path),
    },
    movement: (path) => features.movement(path),
    release: (nameOf) => features.release(nameOf),
    isTurning: (path) => features.isTurning(path),
    revise: (plan) => store.revise(({ config }) => plan(config)),
    isSaved: () => store.unsaved === undefined,
    servers: pairedServers,
    boxLinks: new LinkedBoxes(),
    https: () => http.https,
    rtspFor: (server) => {
      const rtsp = servers.running(rtspServer);
      const access = accessOfServer(server, host.authority, pairedServers);
      return rtsp && ((channel) => rtsp.adopt(channel, access));
    },
    sessions: servers,
    readings: () => http.readings(),
    examines: (path) => features.examines(path),
    zones: (path) => features.zones(path),
    zonesAt: (path, x, y) => features.zonesAt(path, x, y),
    mode: () => features.mode,
    actions: () => features.actions,
    runOnce: (command) => commands.runOnce(command),
    transfers: () => features.transfers,
    statistics: () => http.statistics(),
  });
  const http: HttpListeners = new HttpListeners({
    ...parts,
    pictures,
    features,
    servers,
    commands,
    layouts,
    sourceTests: new SourceTests({
      ...parts,
      makeSource: (name, settings, config) => media.source(name, settings, config),
    }),
    configFile: new FileEdits(store, env),
    problems: () => [
      ...problemsIn(store, shared),
      ...[shared.accounts.people.devices.fault, recordings.space.fault].flatMap((fault) => fault ?? []),
    ],
    backup: new Backups({ ...shared, files: given.flatMap(({ backup = [] }) => backup) }),
  });
  return http;
}
