import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static, type TProperties } from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { sendFile } from '../../messages/responses.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

const GZIP = 'application/gzip';

interface SystemRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly info: { readonly version: string /** RFC 3339. */; readonly started: string };
  /** Load, memory, disks. */
  readonly facts: () => Promise<object>;
  /** Facts of features. */
  readonly more: TProperties;
  readonly diagnosis: { make(): Promise<{ readonly name: string; readonly bytes: Buffer }> };
  readonly boxClock: { set(toMs: number, signal: AbortSignal): Promise<string> };
}

const Seen = Type.Object({
  now: Type.Boolean(),
  sinceStart: Type.Boolean({ description: 'It has occurred since the box booted.' }),
});
const Power = Type.Object(
  { underVoltage: Seen, slowed: Seen, hot: Seen },
  {
    description:
      "Faults reported by a Raspberry Pi's firmware: supply voltage too low, clock frequency reduced, too hot.",
  },
);
const Network = Type.Object({
  name: Type.String(),
  addresses: Type.Array(Type.String()),
  inboundBitrate: OrNull(Type.Number({ description: 'Incoming bits per second.' })),
  outboundBitrate: OrNull(Type.Number()),
});
const ClockState = Type.Object({
  time: TimeText,
  timeZone: Type.String(),
  set: Type.Boolean({ description: 'The time is trusted.' }),
  source: Type.Enum(['network', 'battery', 'none'], {
    description: 'Where the time comes from, if known.',
  }),
  canBeSet: Type.Boolean({ description: 'POST /v3/clock sets it.' }),
});
const Drive = Type.Object({
  name: Type.String(),
  model: Type.String(),
  kind: Type.String(),
  sizeBytes: Type.Number(),
  health: OrNull(Type.Enum(['ok', 'failing'], { description: 'Self-assessment of the drive (SMART).' })),
  wornPercent: OrNull(Type.Number({ description: 'Used share of the lifetime in percent, if the drive reports it.' })),
  writtenBytesPerDay: OrNull(
    Type.Number({
      description:
        'Mean bytes written per day since the machine started. Null within the first hour, or if they are not counted.',
    }),
  ),
  temperatureCelsius: OrNull(Type.Number()),
});

const ConfigFault = Type.Object(
  { key: Type.String(), message: Type.String(), line: OrNull(Type.Integer()) },
  { description: 'First error of the configuration file, which is then not fully applied. Null: there is none.' },
);

const NativeFunctions = Type.Object(
  {
    udpBursts: OrNull(Type.Boolean({ description: 'UDP packets are sent in bursts (UDP_SEGMENT).' })),
    udpBurstsReason: OrNull(Type.String()),
    udpBatches: OrNull(Type.Boolean({ description: 'Many UDP datagrams are received at once (recvmmsg).' })),
    udpBatchesReason: OrNull(Type.String()),
    aesGcm: OrNull(Type.Boolean({ description: "OpenSSL's AES-GCM is called directly." })),
    aesGcmReason: OrNull(Type.String()),
    tcpReads: OrNull(Type.Boolean({ description: 'Cameras over TCP are read without an event per read.' })),
    tcpReadsReason: OrNull(Type.String()),
  },
  { description: 'C functions that Perch calls, or the reason why it cannot use them. Null: not needed so far.' },
);

const SystemFacts = Type.Object({
  version: Type.String(),
  started: TimeText,
  cpuPercent: Type.Number(),
  memoryUsedBytes: Type.Integer(),
  memoryTotalBytes: Type.Integer(),
  processCpuPercent: Type.Number({ description: 'CPU use of Perch alone, in percent of one processor.' }),
  processMemoryBytes: Type.Integer(),
  load: Type.Array(Type.Number(), { description: 'Load averages over 1, 5 and 15 minutes.' }),
  processors: Type.Integer(),
  uptimeSeconds: Type.Number({ description: 'Seconds since Perch started.' }),
  machineUptimeSeconds: Type.Number(),
  host: Type.String(),
  name: OrNull(Type.String({ description: 'Name of the box in the local network, such as perch.local.' })),
  canRestart: Type.Boolean({ description: 'A supervisor starts Perch again after its exit.' }),
  configFault: OrNull(ConfigFault),
  native: NativeFunctions,
  model: OrNull(Type.String()),
  temperatureCelsius: OrNull(Type.Number()),
  power: OrNull(Power),
  swap: OrNull(Type.Object({ totalBytes: Type.Integer(), freeBytes: Type.Integer() })),
  hardwareFaults: Type.Array(
    Type.Object({
      why: Type.String({
        description: 'The fault in one word: underVoltage, slowed, hot, fan or swap; for a drive, failing or worn.',
      }),
      name: OrNull(Type.String({ description: 'Name of the drive, if the fault is that of a drive.' })),
      since: TimeText,
    }),
    { description: 'Present faults; past ones are events of the type `hardware`.' },
  ),
  network: Type.Array(Network),
  clock: ClockState,
  drives: Type.Array(Drive),
  disks: Type.Array(
    // Recording disks have the fields of /v3/disks as well.
    Type.Object(
      { folder: Type.String(), totalBytes: Type.Integer(), freeBytes: OrNull(Type.Integer()) },
      { additionalProperties: true },
    ),
  ),
});
export type SystemAnswer = Static<typeof SystemFacts>;

const Time = Type.Object({ time: TimeText }, { description: 'The current time by the clock of the client.' });
const TimeSet = Type.Object({ status: Type.Literal('ok'), text: Type.String({ description: 'What was done.' }) });

const diagnostics = operation(
  'box',
  'Support bundle without passwords, as one file: settings, states, host and recent log',
  answers(Type.String()),
  { produces: { 200: GZIP } },
);
const clock = operation(
  'box',
  'Set the clock of this box while its time is not known, for the owner',
  answers(TimeSet, 400, 409, 501, 504),
  { body: Time },
);

/** `/v3/system`, `/v3/diagnostics` (with names and addresses of cameras) and `/v3/clock`: for the owner, on the main port only. */
export const systemRoutes: FastifyPluginAsync<SystemRoutesOptions> = async (app, options) => {
  const { access, info, facts, more, diagnosis, boxClock } = options;
  const all = Type.Object({ ...SystemFacts.properties, ...more });
  const system = operation('box', 'State of the box, for the owner: null if unknown', answers(all));
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  app.get('/v3/system', { schema: system }, async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
    return { ...info, ...(await facts()) };
  });
  app.get('/v3/diagnostics', { schema: diagnostics }, async (_request, reply) => {
    const { name, bytes } = await diagnosis.make();
    return sendFile(reply, { name, type: GZIP, bytes });
  });
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.post('/v3/clock', { schema: clock }, async ({ body }) => {
    const text = await boxClock.set(Date.parse(checkedBody(Time, body).time), closing.signal);
    return { status: 'ok', text };
  });
};
