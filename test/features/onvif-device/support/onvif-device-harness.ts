import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../../../agent/base/clock.ts';
import type { EventKind } from '../../../../agent/base/event-kinds.ts';
import { type Logger, silentLogger } from '../../../../agent/base/log.ts';
import { PreLoginMemory } from '../../../../agent/base/network/pre-login-memory.ts';
import type { RecordedStore } from '../../../../agent/features/onvif-device/recordings/recorded-cameras.ts';
import { recordingServices } from '../../../../agent/features/onvif-device/recordings/recording-service.ts';
import type {
  CameraDetection,
  OfferedCamera,
  OnvifSource,
  StreamFacts,
} from '../../../../agent/features/onvif-device/server/contract.ts';
import { DeviceFile } from '../../../../agent/features/onvif-device/server/device-file.ts';
import { OnvifServer } from '../../../../agent/features/onvif-device/server/server.ts';
import { usernameToken } from '../../../../agent/onvif/soap/xml/envelope.ts';
import { opusTrack } from '../../../support/disks/recordings.ts';
import { H264_TRACK } from '../../../support/media/tracks.ts';

export const RECORDER = { user: 'recorder', password: 'abcd-efgh' } as const;

export const DOOR: OfferedCamera = {
  path: 'door',
  name: 'Front door',
  streams: [
    { token: 'main', path: 'door' },
    { token: 'sub', path: 'door_sub' },
  ],
};
export const YARD: OfferedCamera = { path: 'yard', name: 'Höf & Tor', streams: [{ token: 'main', path: 'yard' }] };

const MAIN: StreamFacts = {
  ...{ video: 'H265', codecProfile: 'Main10', width: 2560, height: 1440 },
  ...{ fps: 12.5, groupFrames: 30, bitrateKbps: 2_950 },
  ...{ audio: 'AAC', audioRateHz: 16_000, audioChannels: 2 },
};
const SUB: StreamFacts = {
  ...{ video: 'H264', codecProfile: 'High', width: 640, height: 360 },
  ...{ fps: 15, groupFrames: 60, bitrateKbps: 400 },
  ...{ audio: undefined, audioRateHz: undefined, audioChannels: undefined },
};
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9);

/** Cameras that do what a test says. */
export class FakeSource implements OnvifSource {
  readonly version = '1.2.3';
  readonly moves: string[] = [];
  list: readonly OfferedCamera[] = [DOOR];
  running: CameraDetection[] = [];
  isAway = false;
  transports: readonly string[] = ['udp', 'tcp'];
  readonly #events = new Set<(news: CameraDetection) => void>();
  readonly #changes = new Set<() => void>();
  readonly ptz: OnvifSource['ptz'] = {
    abilities: async () => ({ hasPanTilt: true, hasZoom: false, hasHome: true, hasAbsolute: true, maxPresets: 8 }),
    move: async (path, velocity) => void this.moves.push(`${path} ${JSON.stringify(velocity)}`),
    stop: async (path) => void this.moves.push(`${path} stop`),
    presets: async () => [{ token: '1', name: 'Gate <west>' }],
    goToPreset: async (path, token) => void this.moves.push(`${path} to ${token}`),
    goHome: async (path) => void this.moves.push(`${path} home`),
    position: async () => ({ pan: 0.5, tilt: -0.25, zoom: null }),
    moveTo: async (path, position) => void this.moves.push(`${path} at ${JSON.stringify(position)}`),
  };

  cameras = () => this.list;
  facts = (path: string): StreamFacts => (path.endsWith('_sub') ? SUB : MAIN);
  isPrivate = () => this.isAway;
  rtsp = () => ({ port: 8554, isSecure: false, transports: this.transports });
  hasPicture = (path: string) => path !== 'yard';
  picture = async () => JPEG;
  ongoing = (path: string) => this.running.filter((news) => news.path === path);

  onEvent(listener: (news: CameraDetection) => void) {
    this.#events.add(listener);
    return () => this.#events.delete(listener);
  }

  onChange(listener: () => void) {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /** An event starts, ends, or gets labels. @param former its kinds when it was over before */
  tell(type: EventKind, isOn: boolean, path = 'door', labels: readonly EventKind[] = [], former?: EventKind[]): void {
    const news: CameraDetection = {
      ...{ id: type, path, kinds: [type, ...labels], startMs: 1_000, endMs: isOn ? undefined : 2_000 },
      ...(former && { formerKinds: former }),
    };
    this.running = this.running.filter(({ id }) => id !== type);
    if (isOn) {
      this.running.push(news);
    }
    for (const listener of this.#events) {
      listener(news);
    }
  }

  change(list: readonly OfferedCamera[]): void {
    this.list = list;
    for (const listener of this.#changes) {
      listener();
    }
  }
}

/** Five minutes of video and audio on the main stream, with a gap from minute two to three; one person from 60 to 70 s. */
export class FakeStore implements RecordedStore {
  spans: RecordedStore['spans'] = async (path, fromUs = 0, toUs = Number.MAX_SAFE_INTEGER) =>
    (path === 'door' ? SPANS : []).flatMap(([start, end]) => {
      const [from, to] = [Math.max(start * 1e6, fromUs), Math.min(end * 1e6, toUs)];
      return to > from ? [{ startUs: from, durationUs: to - from }] : [];
    });
  tracks = async () => [H264_TRACK, opusTrack];
  isRecording = () => false;
  events: RecordedStore['events'] = (path, fromUs, toUs) =>
    path === 'door' && fromUs <= 70e6 && toUs >= 60e6
      ? [{ id: 'a', path, kinds: ['person'], startMs: 60_000, endMs: 70_000 }]
      : [];
}
const SPANS = [
  [0, 120],
  [180, 300],
] as const;

const NO_RECORDINGS: RecordedStore = {
  spans: async () => [],
  tracks: async () => [],
  isRecording: () => false,
  events: () => [],
};

interface HarnessOptions {
  readonly source?: FakeSource;
  readonly clock?: Clock;
  /** Paths that the recorder's password permits. */
  readonly paths?: readonly string[];
  /** Default: it may play recordings. */
  readonly mayPlay?: boolean;
  /** The recordings; default: none. */
  readonly store?: RecordedStore;
  readonly log?: Logger;
}

/** The ONVIF devices of a Perch on free ports of loopback, for one recorder's login. */
export async function openOnvifDevice({
  source = new FakeSource(),
  clock = systemClock,
  paths,
  mayPlay = true,
  store = NO_RECORDINGS,
  log = silentLogger,
}: HarnessOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-onvif-'));
  const pauses: string[] = [];
  const server = await OnvifServer.start({
    source,
    more: recordingServices({ source, store, clock }),
    file: await DeviceFile.open(folder, silentLogger),
    address: '127.0.0.1:0',
    readTimeoutMs: 10_000,
    login: (user) =>
      user === RECORDER.user
        ? {
            user,
            may: (path) => paths?.includes(path) ?? true,
            mayPlay: (path) => mayPlay && (paths?.includes(path) ?? true),
            isRight: (proves) => proves(RECORDER.password),
          }
        : undefined,
    wrongCredentials: { checkRoom: () => {}, pause: async (ip) => void pauses.push(ip) },
    preLogin: new PreLoginMemory(clock, silentLogger),
    clock,
    log,
  });
  onTestFinished(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const portOf = (path = 'door') => server.cameras.find((camera) => camera.path === path)?.port ?? 0;
  const urlOf = (service: string, path?: string) => `http://127.0.0.1:${portOf(path)}/onvif/${service}`;
  return { server, source, folder, pauses, portOf, urlOf };
}

const NAMESPACES = [
  ['tds', 'http://www.onvif.org/ver10/device/wsdl'],
  ['trt', 'http://www.onvif.org/ver10/media/wsdl'],
  ['tr2', 'http://www.onvif.org/ver20/media/wsdl'],
  ['tev', 'http://www.onvif.org/ver10/events/wsdl'],
  ['trc', 'http://www.onvif.org/ver10/recording/wsdl'],
  ['tse', 'http://www.onvif.org/ver10/search/wsdl'],
  ['trp', 'http://www.onvif.org/ver10/replay/wsdl'],
  ['tptz', 'http://www.onvif.org/ver20/ptz/wsdl'],
  ['wsnt', 'http://docs.oasis-open.org/wsn/b-2'],
  ['tt', 'http://www.onvif.org/ver10/schema'],
] as const;

/** A request of a recorder. @param header content of the SOAP header */
export const soapRequest = (body: string, header = ''): string =>
  `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" ${NAMESPACES.map(([prefix, uri]) => `xmlns:${prefix}="${uri}"`).join(' ')}>` +
  `<s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;

/** The WS-UsernameToken of the recorder. */
export const token = ({
  password = RECORDER.password as string,
  user = RECORDER.user as string,
  atMs = Date.now(),
} = {}): string => usernameToken({ user, password }, atMs, randomBytes(16));

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export async function post(url: string, text: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    body: text,
    headers: { 'Content-Type': 'application/soap+xml; charset=utf-8', ...headers },
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** As the recorder, with a new token. */
export const ask = (url: string, body: string): Promise<Answer> => post(url, soapRequest(body, token()));

/** The value of Authorization for a challenge (RFC 7616 with qop and MD5). */
export function digestAnswer(
  challenge: string,
  method: string,
  uri: string,
  { count = 1, password = RECORDER.password as string } = {},
): string {
  const md5 = (text: string) => createHash('md5').update(text).digest('hex');
  const [, realm = ''] = /realm="([^"]*)"/.exec(challenge) ?? [];
  const [, nonce = ''] = /nonce="([^"]*)"/.exec(challenge) ?? [];
  const nc = String(count).padStart(8, '0');
  const response = md5(
    `${md5(`${RECORDER.user}:${realm}:${password}`)}:${nonce}:${nc}:c0:auth:${md5(`${method}:${uri}`)}`,
  );
  return `Digest username="${RECORDER.user}", realm="${realm}", nonce="${nonce}", uri="${uri}", qop=auth, nc=${nc}, cnonce="c0", response="${response}"`;
}
