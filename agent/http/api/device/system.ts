import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { answers, OrNull, TimeText } from '../schema/schemas.ts';

interface SystemRouteOptions {
  readonly access: { require(request: FastifyRequest, action: 'admin', path: string): Promise<void> };
  readonly info: { readonly version: string /** RFC 3339. */; readonly started: string };
  /** What the host is doing: load, memory, disks. */
  readonly facts: () => Promise<object>;
}

const Seen = Type.Object({ now: Type.Boolean(), sinceStart: Type.Boolean({ description: 'Of the machine.' }) });
const Power = Type.Object(
  { underVoltage: Seen, slowed: Seen, hot: Seen },
  {
    description: "By a Raspberry Pi's firmware: its supply is too weak, it runs below its speed, it is too hot for it.",
  },
);
const Network = Type.Object({
  name: Type.String(),
  addresses: Type.Array(Type.String()),
  inboundBitrate: OrNull(Type.Number({ description: 'Bits per second.' })),
  outboundBitrate: OrNull(Type.Number()),
});
const ClockState = Type.Object({
  time: TimeText,
  timeZone: Type.String(),
  set: Type.Boolean({ description: 'What it says is believed.' }),
  source: Type.Enum(['network', 'battery', 'none'], {
    description: 'Where it has its time from, as far as can be seen.',
  }),
  canBeSet: Type.Boolean({ description: 'POST /v3/clock sets it.' }),
});
const Drive = Type.Object({
  name: Type.String(),
  model: Type.String(),
  kind: Type.String(),
  sizeBytes: Type.Number(),
  health: OrNull(Type.Enum(['ok', 'failing'], { description: 'By its own word (SMART).' })),
  wornPercent: OrNull(Type.Number({ description: 'Of its life, where a flash card tells it.' })),
  temperatureCelsius: OrNull(Type.Number()),
});

const ConfigFault = Type.Object(
  { key: Type.String(), message: Type.String(), line: OrNull(Type.Integer()) },
  { description: 'The first error of the configuration file, of which not all is in force then. Null: it has none.' },
);

const SystemFacts = Type.Object({
  version: Type.String(),
  started: TimeText,
  cpuPercent: Type.Number(),
  memoryUsedBytes: Type.Integer(),
  memoryTotalBytes: Type.Integer(),
  processCpuPercent: Type.Number({ description: 'Of one processor, by Perch.' }),
  processMemoryBytes: Type.Integer(),
  load: Type.Array(Type.Number(), { description: 'Of 1, 5 and 15 minutes.' }),
  processors: Type.Integer(),
  uptimeSeconds: Type.Number({ description: 'Of Perch.' }),
  machineUptimeSeconds: Type.Number(),
  host: Type.String(),
  name: OrNull(Type.String({ description: 'Of the device in the local network: perch.local.' })),
  canRestart: Type.Boolean({ description: 'Somebody would start Perch again.' }),
  configFault: OrNull(ConfigFault),
  model: OrNull(Type.String()),
  temperatureCelsius: OrNull(Type.Number()),
  power: OrNull(Power),
  network: Type.Array(Network),
  clock: ClockState,
  drives: Type.Array(Drive),
  disks: Type.Array(
    // Those that recordings go to say more: as /v3/disks has it.
    Type.Object(
      { folder: Type.String(), totalBytes: Type.Integer(), freeBytes: OrNull(Type.Integer()) },
      { additionalProperties: true },
    ),
  ),
});

/** `GET /v3/system`: how the device is doing, for the page. */
export const systemRoute: FastifyPluginAsync<SystemRouteOptions> = async (app, { access, info, facts }) => {
  const schema = {
    summary: 'How the machine is doing, for the owner: null where it does not tell',
    tags: ['box'],
    response: answers(SystemFacts),
  };
  app.get('/v3/system', { schema }, async (request, reply) => {
    await access.require(request, 'admin', '');
    reply.header('Cache-Control', 'no-store');
    return { ...info, ...(await facts()) };
  });
};
