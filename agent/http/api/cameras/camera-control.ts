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
export const Presets = Type.Object({ items: Type.Array(Type.Object({ token: Type.String(), name: Type.String() })) });
export const Abilities = Type.Object({
  hasPanTilt: Type.Boolean(),
  hasZoom: Type.Boolean(),
  hasHome: OrNull(Type.Boolean({ description: 'null: unknown.' })),
  mostPresets: OrNull(Type.Integer()),
  hasAbsolute: Type.Boolean({ description: 'It moves to a position.' }),
  canCenter: Type.Boolean({ description: 'It brings a point of the picture to the centre.' }),
  isCenterEstimated: Type.Boolean({
    description: 'Perch computes where that is from an assumed field of view: the camera ends near the point.',
  }),
});
const AXES = {
  pan: Type.Number({ minimum: -1, maximum: 1 }),
  tilt: Type.Number({ minimum: -1, maximum: 1 }),
  zoom: Type.Number({ minimum: 0, maximum: 1 }),
};
export const Position = Type.Object(
  { pan: OrNull(AXES.pan), tilt: OrNull(AXES.tilt), zoom: OrNull(AXES.zoom) },
  { description: 'In the generic spaces of ONVIF: right and up are positive. null: the camera does not report it.' },
);
const NewPosition = Type.Object(
  { pan: Type.Optional(AXES.pan), tilt: Type.Optional(AXES.tilt), zoom: Type.Optional(AXES.zoom) },
  { additionalProperties: false, minProperties: 1, description: 'Absent axes stay.' },
);
const Share = Type.Number({ minimum: 0, maximum: 1 });
const Point = Type.Object(
  { x: Share, y: Share },
  { additionalProperties: false, description: 'Shares of the picture, from its top left.' },
);
const relay = {
  mode: Type.Union([Type.Literal('bistable'), Type.Literal('monostable')], {
    description: 'monostable: it switches off by itself after seconds.',
  }),
  seconds: OrNull(Type.Number({ minimum: 0, maximum: 86_400, description: 'null: the camera does not say.' })),
  idle: Type.Union([Type.Literal('open'), Type.Literal('closed')], { description: 'The contact while it is off.' }),
};
const Output = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal('relay'),
    Type.Literal('light'),
    Type.Literal('siren'),
    Type.Literal('wiper'),
    Type.Literal('other'),
  ]),
  name: Type.String(),
  isOn: OrNull(Type.Boolean({ description: 'Of a relay whose camera reports it in its events. null: not known.' })),
  isMomentary: Type.Boolean({ description: 'It switches off by itself.' }),
  relay: OrNull(Type.Object(relay)),
});
export type CameraOutput = Static<typeof Output>;
export const Outputs = Type.Object({ items: Type.Array(Output) });
const OutputId = Type.String({ minLength: 1, maxLength: 400, description: 'From the list of outputs.' });
const Switch = Type.Object({ id: OutputId, isOn: Type.Boolean() }, { additionalProperties: false });
const NewRelay = Type.Object(
  {
    id: OutputId,
    mode: Type.Optional(relay.mode),
    seconds: Type.Optional(Type.Number({ minimum: 0, maximum: 86_400 })),
    idle: Type.Optional(relay.idle),
  },
  { additionalProperties: false, minProperties: 2 },
);
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

/** Commands for the camera of a path. All reject with PerchError: notFound for a path without a camera. */
export interface CameraCommands {
  abilities(path: string): Promise<Static<typeof Abilities>>;
  move(path: string, velocity: Static<typeof Velocity>): Promise<void>;
  stop(path: string): Promise<void>;
  presets(path: string): Promise<Static<typeof Presets>['items']>;
  goToPreset(path: string, token: string): Promise<void>;
  /** @returns the token of the preset */
  setPreset(path: string, name: string, token: string | undefined): Promise<string>;
  removePreset(path: string, token: string): Promise<void>;
  goHome(path: string): Promise<void>;
  /** @throws PerchError unsupported if the camera does not report it */
  position(path: string): Promise<Static<typeof Position>>;
  /** Moves to a position in generic spaces; absent axes stay. */
  moveTo(path: string, position: Static<typeof NewPosition>): Promise<void>;
  /** Brings a point of the picture to the centre. */
  center(path: string, point: Static<typeof Point>): Promise<void>;
  /** Empty if the camera has none. */
  outputs(path: string): Promise<readonly CameraOutput[]>;
  /**
   * Off is no error for an output that goes off by itself, and goes also to a paused or private camera.
   * @throws PerchError notFound for an unknown id
   */
  setOutput(path: string, id: string, isOn: boolean): Promise<void>;
  /** Changes how a relay works. @returns the output as read back */
  setRelay(path: string, id: string, wanted: Omit<Static<typeof NewRelay>, 'id'>): Promise<CameraOutput>;
  reboot(path: string): Promise<void>;
  clock(path: string): Promise<Static<typeof ClockFacts>>;
  setClock(path: string, ntpServer: string | undefined): Promise<Static<typeof ClockFacts>>;
  encoder(path: string): Promise<Static<typeof Advice>>;
  setEncoder(path: string, wanted: Static<typeof NewEncoder>): Promise<Static<typeof EncoderChange>>;
}

/** Controls cameras: the commands themselves are those of the box, which nobody has given at the moment. */
export interface CameraSteering extends CameraCommands {
  /** The same commands, given by a person: a movement is told to the listeners of `steered` before it is sent. */
  readonly asPerson: CameraCommands;
  /** @param listener called with the path when a person moves its camera: on the page, by the API, or from another recorder. @returns ends it */
  steered(listener: (path: string) => void): () => void;
  /** @param listener called when a person has switched an output. @returns ends it */
  switched(listener: (path: string, id: string, isOn: boolean) => void): () => void;
}

/** `/cameras/ptz/…`, `/cameras/outputs/…`, `/cameras/reboot/…`, `/cameras/clock/…`, `/cameras/encoder/…`. */
export const cameraControlRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, options) => {
  await app.register(ptzRoutes, options);
  await app.register(presetRoutes, options);
  await app.register(positionRoutes, options);
  await app.register(outputRoutes, options);
  await app.register(upkeepRoutes, options);
};

const about = (summary: string, good: TSchema = OkAnswer, body?: TSchema) => ({
  bodyLimit: 16_384,
  schema: operation('cameras', summary, answers(good, ...FAILURES), { params: PathName, ...(body && { body }) }),
});

const ptzRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, { steering }) => {
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

const presetRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, { steering }) => {
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

const positionRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, { steering }) => {
  app.get('/cameras/ptz/position/*', about('Position of a camera', Position), (request) =>
    steering.position(pathName(request)),
  );
  app.post('/cameras/ptz/position/*', about('Move a camera to a position', OkAnswer, NewPosition), async (request) => {
    await steering.moveTo(pathName(request), checkedBody(NewPosition, request.body));
    return OK;
  });
  app.post(
    '/cameras/ptz/center/*',
    about('Turn a camera so that a point of its picture is in the centre', OkAnswer, Point),
    async (request) => {
      await steering.center(pathName(request), checkedBody(Point, request.body));
      return OK;
    },
  );
};

const outputRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, { steering }) => {
  app.get(
    '/cameras/outputs/list/*',
    about('Relays, lights, sirens and wipers of a camera', Outputs),
    async (request) => ({
      items: await steering.outputs(pathName(request)),
    }),
  );
  app.post('/cameras/outputs/set/*', about('Switch an output of a camera', OkAnswer, Switch), async (request) => {
    const { id, isOn } = checkedBody(Switch, request.body);
    await steering.setOutput(pathName(request), id, isOn);
    return OK;
  });
  app.post(
    '/cameras/outputs/relay/*',
    about('Change mode, delay or idle state of a relay', Output, NewRelay),
    (request) => {
      const { id, ...wanted } = checkedBody(NewRelay, request.body);
      return steering.setRelay(pathName(request), id, wanted);
    },
  );
};

const upkeepRoutes: FastifyPluginAsync<{ steering: CameraCommands }> = async (app, { steering }) => {
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
