import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static, type TSchema } from 'typebox';
import { checkedBody } from '../../messages/checked-body.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { pathName } from '../schema/names.ts';
import { answers, OrNull, operation, PathName } from '../schema/schemas.ts';

const FAILURES = [400, 404, 413, 501, 503, 504];

const Axis = Type.Optional(Type.Number({ minimum: -1, maximum: 1 }));
const Velocity = Type.Object(
  { pan: Axis, tilt: Axis, zoom: Axis },
  {
    additionalProperties: false,
    description:
      'Right, up and in are positive. A movement ends after two seconds: repeat the request to continue. All zero stops.',
  },
);
const Token = Type.Object({ token: Type.String({ maxLength: 200 }) }, { additionalProperties: false });
const NewPreset = Type.Object(
  {
    name: Type.String({ maxLength: 64 }),
    token: Type.Optional(Type.String({ maxLength: 200, description: 'The preset to replace.' })),
  },
  { additionalProperties: false },
);
const Presets = Type.Object({ items: Type.Array(Type.Object({ token: Type.String(), name: Type.String() })) });
const Abilities = Type.Object({
  hasPanTilt: Type.Boolean(),
  hasZoom: Type.Boolean(),
  hasHome: OrNull(Type.Boolean({ description: 'null: unknown.' })),
  mostPresets: OrNull(Type.Integer()),
});
export type PtzAbilities = Static<typeof Abilities>;
const ClockFacts = Type.Object({
  skewMs: Type.Number({ description: 'The clock of the camera minus that of this box.' }),
  source: OrNull(Type.String()),
  ntpServer: OrNull(Type.String()),
});
const Ntp = Type.Object(
  {
    ntpServer: Type.Optional(
      Type.String({ maxLength: 253, description: 'Name or address of the time server to use.' }),
    ),
  },
  { additionalProperties: false, description: 'Empty: the clock is set to the time of this box.' },
);
const encoder = {
  groupFrames: OrNull(Type.Integer({ description: 'Distance of key frames.' })),
  fps: OrNull(Type.Number()),
  bitrateKbps: OrNull(Type.Number()),
};
const Encoder = Type.Object(encoder);
const Advice = Type.Object({
  profile: Type.String(),
  now: Encoder,
  better: OrNull(Encoder),
  words: OrNull(Type.String()),
});
const NewEncoder = Type.Object(
  {
    groupFrames: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    fps: Type.Optional(Type.Integer({ minimum: 1, maximum: 120 })),
    bitrateKbps: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
  },
  { additionalProperties: false, minProperties: 1 },
);
const EncoderChange = Type.Object({
  profile: Type.String(),
  before: Encoder,
  after: Encoder,
  isDone: Type.Boolean({
    description: 'Whether the camera reports the new settings: some accept a change and ignore it.',
  }),
});

/** Controls the camera of a path. All reject with PerchError: notFound for a path without a camera. */
export interface CameraSteering {
  abilities(path: string): Promise<Static<typeof Abilities>>;
  move(path: string, velocity: Static<typeof Velocity>): Promise<void>;
  stop(path: string): Promise<void>;
  presets(path: string): Promise<Static<typeof Presets>['items']>;
  goToPreset(path: string, token: string): Promise<void>;
  /** @returns the token of the preset */
  setPreset(path: string, name: string, token: string | undefined): Promise<string>;
  removePreset(path: string, token: string): Promise<void>;
  goHome(path: string): Promise<void>;
  reboot(path: string): Promise<void>;
  clock(path: string): Promise<Static<typeof ClockFacts>>;
  setClock(path: string, ntpServer: string | undefined): Promise<Static<typeof ClockFacts>>;
  encoder(path: string): Promise<Static<typeof Advice>>;
  setEncoder(path: string, wanted: Static<typeof NewEncoder>): Promise<Static<typeof EncoderChange>>;
}

/** `/cameras/ptz/…`, `/cameras/reboot/…`, `/cameras/clock/…`, `/cameras/encoder/…`. */
export const cameraControlRoutes: FastifyPluginAsync<{ steering: CameraSteering }> = async (app, options) => {
  await app.register(ptzRoutes, options);
  await app.register(presetRoutes, options);
  await app.register(upkeepRoutes, options);
};

const about = (summary: string, good: TSchema = OkAnswer, body?: TSchema) => ({
  bodyLimit: 16_384,
  schema: operation('cameras', summary, answers(good, ...FAILURES), { params: PathName, ...(body && { body }) }),
});

const ptzRoutes: FastifyPluginAsync<{ steering: CameraSteering }> = async (app, { steering }) => {
  app.get('/cameras/ptz/get/*', about('PTZ functions of a camera', Abilities), (request) =>
    steering.abilities(pathName(request)),
  );
  app.post('/cameras/ptz/move/*', about('Move a camera for two seconds', OkAnswer, Velocity), async (request) => {
    await steering.move(pathName(request), checkedBody(Velocity, request.body));
    return OK;
  });
  app.post('/cameras/ptz/stop/*', about('Stop a movement'), async (request) => {
    await steering.stop(pathName(request));
    return OK;
  });
  app.post('/cameras/ptz/home/*', about('Move a camera to its home position'), async (request) => {
    await steering.goHome(pathName(request));
    return OK;
  });
};

const presetRoutes: FastifyPluginAsync<{ steering: CameraSteering }> = async (app, { steering }) => {
  app.get('/cameras/ptz/presets/*', about('Presets of a camera', Presets), async (request) => ({
    items: await steering.presets(pathName(request)),
  }));
  app.post('/cameras/ptz/goto/*', about('Move a camera to a preset', OkAnswer, Token), async (request) => {
    await steering.goToPreset(pathName(request), checkedBody(Token, request.body).token);
    return OK;
  });
  app.post(
    '/cameras/ptz/presets/*',
    about('Save the current position as a preset', Token, NewPreset),
    async (request) => {
      const { name, token } = checkedBody(NewPreset, request.body);
      return { token: await steering.setPreset(pathName(request), name, token) };
    },
  );
  app.post('/cameras/ptz/remove/*', about('Remove a preset', OkAnswer, Token), async (request) => {
    await steering.removePreset(pathName(request), checkedBody(Token, request.body).token);
    return OK;
  });
};

const upkeepRoutes: FastifyPluginAsync<{ steering: CameraSteering }> = async (app, { steering }) => {
  app.post('/cameras/reboot/*', about('Restart a camera: it is away for about a minute'), async (request) => {
    await steering.reboot(pathName(request));
    return OK;
  });
  app.get('/cameras/clock/*', about('Clock of a camera, and where it gets the time', ClockFacts), (request) =>
    steering.clock(pathName(request)),
  );
  app.post('/cameras/clock/*', about('Set the clock of a camera, or its time server', ClockFacts, Ntp), (request) =>
    steering.setClock(pathName(request), checkedBody(Ntp, request.body).ntpServer),
  );
  app.get('/cameras/encoder/*', about('Encoder settings of a camera, and recommended ones', Advice), (request) =>
    steering.encoder(pathName(request)),
  );
  app.post(
    '/cameras/encoder/*',
    about('Change the encoder settings of a camera', EncoderChange, NewEncoder),
    (request) => steering.setEncoder(pathName(request), checkedBody(NewEncoder, request.body)),
  );
};
