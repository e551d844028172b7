import { PerchError } from '../../../../agent/base/errors.ts';
import { EventBus } from '../../../../agent/base/event-bus.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { masksOf, steeringOf } from '../../../../agent/cameras/onvif/steering.ts';
import { OwnSettingsChanges } from '../../../../agent/cameras/own-settings.ts';
import { MEDIAMTX_USERS } from '../../../../agent/config/schema/common/general.ts';
import { type ControlApiOptions, controlApi } from '../../../../agent/http/api/control-api.ts';
import type { ProblemItem } from '../../../../agent/http/api/device/problems.ts';
import type { Stats } from '../../../../agent/http/api/device/stats.ts';
import { EventStreams } from '../../../../agent/http/api/recordings/event-stream.ts';
import type { ForwardItem } from '../../../../agent/http/api/streams/forwards.ts';
import type { PathItem } from '../../../../agent/http/api/streams/paths.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { KEYS } from '../loaded-config.ts';
import { type HttpHarnessOptions, openHttpHarness } from './http-harness.ts';
import { sessionTables } from './session-tables.ts';

export const LOOPBACK = { remoteAddress: '127.0.0.1', headers: { host: 'localhost' } };
export const ID = '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';
export const OTHER_ID = '9b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11';

export const item = (name: string, more: Partial<PathItem> = {}): PathItem => ({
  name,
  confName: name,
  ready: true,
  readyTime: '2026-01-01T12:00:00.5+01:00',
  available: true,
  availableTime: '2026-01-01T12:00:00.5+01:00',
  online: true,
  onlineTime: '2026-01-01T12:00:00.5+01:00',
  source: { type: 'rtspSource', id: '' },
  tracks: ['H264'],
  tracks2: [
    { codec: 'H264', codecProps: { width: 640, height: 360, profile: 'Baseline', level: '3' } },
    { codec: 'MPEG-TS', codecProps: null },
  ],
  readers: [{ type: 'webRTCSession', id: ID }],
  inboundBytes: 6_000_000_000,
  outboundBytes: 1,
  inboundFramesInError: 0,
  leftOut: null,
  bytesReceived: 6_000_000_000,
  bytesSent: 1,
  sourceState: 'running',
  sourceOnDemand: false,
  sourceStatistics: { transport: 'UDP', packets: 9, lost: 1, late: 0, reordered: 2, badPackets: 0, jumps: 0 },
  clockOffsetMs: -2_500.5,
  offlineSince: null,
  lastError: null,
  lastErrorWhy: null,
  lastErrorTime: null,
  configError: null,
  recording: { active: true, error: null, why: null, since: '2026-01-01T12:00:01+01:00' },
  bitrate: 1_234_567.5,
  title: 'Front door',
  order: null,
  paused: false,
  pausedUntil: null,
  privacy: false,
  talk: 'yes',
  webrtcSilence: null,
  hasBFrames: null,
  box: null,
  ...more,
});

export const PATHS = [
  item('garden/gate'),
  item('door', {
    ready: false,
    readyTime: null,
    source: null,
    sourceStatistics: null,
    clockOffsetMs: null,
    recording: null,
    title: null,
    offlineSince: '2026-01-01T11:00:00+01:00',
    lastError: 'connection refused',
  }),
];

export const PROTECTED = [
  { id: ID, path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z', note: 'the parcel' },
  { id: OTHER_ID, path: 'gate', start: '2026-01-01T13:00:00Z', end: '2026-01-01T13:01:00Z', note: '' },
];

export const FORECAST = { recordedSeconds: 60, bytes: 9_000_000, freedBytes: 0, kept: [] };
export const DELETION = {
  ...{ id: ID, path: 'door', start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:01:00Z', by: null },
  ...{ requested: '2026-01-01T13:00:00Z', undoUntil: '2026-01-01T13:10:00Z' },
};

function protectedItem(id: string): (typeof PROTECTED)[number] {
  const item = PROTECTED.find((one) => one.id === id);
  if (!item) {
    throw new PerchError('notFound', `no protected recording has the id '${id}'`);
  }
  return item;
}

export const LAYOUTS = [
  {
    ...{ name: 'Ground floor', kind: 'group' as const, formerNames: [] },
    cameras: [
      { path: 'door', size: 'small' as const },
      { path: 'gone', size: 'small' as const },
    ],
  },
];

export const FORWARD: ForwardItem = {
  id: ID,
  pos: 0,
  created: '2026-01-01T10:59:00Z',
  conf: { dest: 'rtsp://box:8554/door', destFingerprint: '', whipBearerToken: '' },
  protocol: 'rtsp',
  state: 'error',
  lastError: 'connection refused by box:8554',
  lastErrorTime: '2026-01-01T11:00:00Z',
  outboundBytes: 7,
  reconnects: 2,
};
export const SESSION = {
  id: ID,
  created: '2026-01-01T10:59:00Z',
  path: 'garden/gate',
  remoteAddr: '192.168.1.9:50001',
};
export const PUBLISHER = item('stage', { source: { type: 'webRTCSession', id: ID } });

const LOOK = {
  ...{ id: ID, target: '192.168.1.9', state: 'running' as const, what: 'a probe', done: 0, total: 9, slow: false },
  ...{
    onvif: null,
    rtsp: null,
    sub: null,
    makers: null,
    name: null,
    manufacturer: null,
    model: null,
    error: null,
    trouble: null,
    triesLeft: null,
  },
};

export const STATS: Stats = {
  version: 'v0.1.0',
  started: '2026-01-01T12:00:00Z',
  uptimeSeconds: 7,
  cpuPercent: 12.5,
  processCpuPercent: 3,
  memoryUsedBytes: 2e9,
  memoryTotalBytes: 4e9,
  processMemoryBytes: 1e8,
  heapUsedBytes: 5e7,
  eventLoopDelayMs: { mean: 0.1, p99: 1, max: 12 },
  paths: 2,
  activeStreams: 1,
  publishers: 0,
  readers: 1,
  recordings: 1,
  inboundBitrate: 1_234_567.5,
};

export const PROBLEM: ProblemItem = {
  ...{ kind: 'path', name: 'door', why: 'refuses', text: 'connection refused' },
  since: '2026-01-01T11:00:00+01:00',
};

const none = async () => {
  throw new PerchError('notFound', 'no camera has this path');
};
const noCameras: ControlApiOptions['cameras'] = {
  isScanning: false,
  ...{ discover: async () => {}, found: () => [] },
  ...{ probe: () => LOOK, probeJob: (id) => (id === ID ? LOOK : undefined), endProbe: (id) => id === ID },
  check: async () => ({ isGood: false, error: 'no answer', trouble: 'timeout', triesLeft: null, description: null }),
  adopt: async () => ({ id: '0b3c6b1e-6d2a-4f2e-9a53-3a3b1d3f9c11', state: 'done', items: [], warning: null }),
  adoption: () => undefined,
  hide: async () => {},
  adopted: {
    list: () => [],
    read: none,
    patch: none,
    login: none,
    order: none,
    forget: none,
    restore: none,
    snapshot: none,
  },
};

/** The API over fixed answers, and the received commands. Default: programs on this machine may use it, as with MediaMTX's file. */
export async function openApi(
  rules: HttpHarnessOptions & Pick<ControlApiOptions, 'pairedServer'> = {
    rules: { isOwn: false, internalUsers: MEDIAMTX_USERS },
  },
) {
  const clock = new FakeClock();
  const events = new EventBus(clock);
  const box = await openHttpHarness(rules);
  const edited: unknown[][] = [];
  const publish =
    (name: string) =>
    async (...values: unknown[]) => {
      edited.push([name, ...values]);
    };
  const kicked: string[] = [];
  const deleted: string[] = [];
  const tableOf = (known: string) => ({
    list: () => [{ id: known, created: '2026-01-01T10:59:00Z' }],
    kick: (id: string) => kicked.push(id) > 0 && id === known,
  });
  const options: ControlApiOptions = {
    access: box.access,
    ...(rules.pairedServer && { pairedServer: rules.pairedServer }),
    allowOrigins: () => ['*'],
    personOf: () => 'owner',
    info: { version: 'v0.1.0', started: '2026-01-01T12:00:00+01:00' },
    paths: {
      list: () => PATHS,
      find: (name) => [...PATHS, PUBLISHER].find((path) => path.name === name),
      forwardsOf: (name) => (PATHS.some((path) => path.name === name) ? [FORWARD] : undefined),
    },
    config: {
      keys: KEYS,
      global: () => ({ logLevel: 'info', webrtcICEServers2: [] }),
      pathDefaults: () => ({ source: 'publisher' }),
      paths: () => [{ name: 'door', source: 'rtsp://cam/1' }, { name: '~^cam' }],
      forecast: () => ({ restarts: [], recordings: [] }),
      testSource: async () => ({ isGood: true, tracks2: [], error: null, why: null }),
    },
    edits: {
      tag: '0123456789abcdef',
      patchGlobal: publish('patchGlobal'),
      patchPathDefaults: publish('patchPathDefaults'),
      addPath: publish('addPath'),
      replacePath: publish('replacePath'),
      patchPath: publish('patchPath'),
      deletePath: publish('deletePath'),
      tryPath: () => Promise.reject(new PerchError('notFound', 'path not found')),
      reload: publish('reload'),
    },
    editorOf: async () => ({ hasAllRights: false }),
    sessions: sessionTables({
      webrtcsessions: {
        list: () => [{ id: OTHER_ID, created: '2026-01-01T12:00:00.123456789+01:00', path: 'door' }, SESSION],
        kick: (id) => kicked.push(id) > 0 && id === ID,
      },
      hlssessions: tableOf(ID),
      rtspconns: tableOf(ID),
      rtspsessions: tableOf(OTHER_ID),
    }),
    events: {
      tell: async ({ path }) => {
        if (path !== 'door') {
          throw new PerchError('badInput', `path '${path}' is not configured`);
        }
        return { id: 'e1' };
      },
    },
    protection: {
      list: () => PROTECTED,
      protect: async (range) => {
        if (range.path !== 'door') {
          throw new PerchError('badInput', `path '${range.path}' is not configured and has no recordings`);
        }
        const { by: _, ...shown } = range;
        return { id: ID, ...shown };
      },
      setNote: async (id, note) => ({ ...protectedItem(id), note }),
      describe: async (id) => ({
        ...protectedItem(id),
        ...{ created: null, by: 'owner', bytes: 2_000_000, recordedSeconds: 58.5, picture: null, copying: null },
      }),
      unprotect: async (id) => {
        if (id !== ID) {
          throw new PerchError('notFound', `no protected recording has the id '${id}'`);
        }
      },
    },
    deletions: {
      list: () => [DELETION],
      forecast: async () => FORECAST,
      delete: async (range, by) => ({ ...DELETION, ...range, by: by ?? null, ...FORECAST }),
      restore: async (id) => {
        if (id !== ID) {
          throw new PerchError('notFound', `no deleted recordings have the id '${id}'`);
        }
      },
    },
    disks: {
      list: () => [{ folder: '/mnt/usb', state: 'vanished' }],
      accept: async (folder) => folder === '/mnt/usb',
    },
    keys: { refresh: () => kicked.push('keys') },
    stats: { stats: async () => STATS },
    box: { problems: async () => [PROBLEM] },
    streams: new EventStreams(events, clock),
    cameras: noCameras,
    steering: steeringOf({ control: () => undefined, withEvenIfOff: () => undefined, isOff: () => false }, () => {}),
    ownSettings: new OwnSettingsChanges({
      ...{ control: () => undefined, bytesReceived: () => undefined, changed: () => {} },
      ...{ clock, log: silentLogger, signal: new AbortController().signal },
    }),
    layouts: {
      isKnown: (path) => path !== 'gone',
      list: async () => LAYOUTS,
      replace: none,
      patch: none,
      delete: none,
      order: none,
    },
    masks: masksOf({ control: () => undefined }),
    problemKinds: [],
    mountFeatures: async () => {},
    pageFolder: '/nowhere',
    recordings: {
      playedNames: () => ['garden/gate', 'door'],
      segments: (name) =>
        name === 'unknown' ? undefined : name === 'door' ? [{ start: '2026-01-01T12:00:00+01:00' }] : [],
      timeline: async (request) => ({ ...request, coverage: [], protected: [] }),
      listEvents: async (request) => ({ ...request, items: [] }),
      listReviews: async (request, client) => ({
        ...request,
        items: PATHS.filter(({ name }) => client.maySee(name)).map(({ name }) => ({
          path: name,
          group: client.groupOf(name) ?? null,
          person: client.person ?? null,
        })),
      }),
      review: async (id, client) => {
        if (!client.maySee('door')) {
          throw new PerchError('notFound', 'no card has this id');
        }
        return { id, cameras: [{ path: 'door' }] };
      },
      markReview: async () => {},
      eventDigest: () => ({ items: [] }),
      markEvents: async () => {},
      markEventsUpTo: async () => '1970-01-01T00:00:00.000Z',
      index: () => ({ state: 'ready', left: 0 }),
      deletePath: async () => ({ deleted: 0, bytes: 0, kept: 0, items: [] }),
      deleteSegment: async (path, start) => {
        if (path !== 'door') {
          throw new PerchError('notFound', 'no segment starts then');
        }
        deleted.push(start);
      },
    },
  };
  await box.app.register(controlApi, options);
  return { ...box, edited, kicked, deleted, clock, events, [Symbol.asyncDispose]: box[Symbol.asyncDispose] };
}

/** MediaMTX's response to a failure. */
export const failure = (error: string) => ({ status: 'error', error });
