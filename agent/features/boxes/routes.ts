import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { pathName } from '../../http/api/schema/names.ts';
import { paginate } from '../../http/api/schema/paginate.ts';
import { answers, OrNull, operation, PathName, pageOf, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../http/messages/responses.ts';
import type { BoxSettings } from './requests/remote-settings.ts';
import { MAX_BODY_BYTES, Offered, PermittedSettings, SettingsChange } from './serving/schemas.ts';

export type { PairedServerItem } from './serving/paired-server-routes.ts';

const Chosen = Type.Union(
  [Type.Literal('all'), Type.Array(Type.String({ minLength: 1, maxLength: 512 }), { maxItems: 500 })],
  { description: "'all', or names of paths on the box." },
);
const NewBox = Type.Object(
  { invitation: Type.String({ maxLength: 2_000 }), cameras: Type.Optional(Chosen) },
  { additionalProperties: false },
);
const BoxChange = Type.Object(
  {
    addresses: Type.Optional(
      Type.Array(Type.String({ maxLength: 300 }), { minItems: 1, maxItems: 16, description: '`host:port` of https.' }),
    ),
    cameras: Type.Optional(Chosen),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'For people; empty: as the box calls itself.' })),
  },
  { additionalProperties: false },
);
const Item = Type.Object({
  id: Type.String(),
  name: Type.String(),
  version: Type.String(),
  state: Type.Enum(['connecting', 'connected', 'away', 'refused']),
  since: TimeText,
  error: OrNull(
    Type.String({
      description: 'Why the box is away, or answers over the bus of a fleet, but does not connect to this server.',
    }),
  ),
  seen: OrNull(TimeText),
  clockOffset: OrNull(
    Type.Number({
      description: "Seconds that the clock of the box is ahead of this server's, at least; beyond 2 it is a problem.",
    }),
  ),
  addresses: Type.Array(Type.String()),
  linked: Type.Boolean({ description: 'The box connects to this server, so it has no addresses.' }),
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  talk: Type.Boolean({ description: 'Its owner allows talking.' }),
  turn: Type.Boolean({ description: 'Its owner allows pan, tilt, zoom and presets.' }),
  switch: Type.Boolean({ description: 'Its owner allows lights, sirens and relays.' }),
  settings: Type.Boolean({ description: 'Its owner allows permitted settings of cameras.' }),
  fleet: Type.Boolean({ description: 'Its owner allows to hand it a credential of a fleet.' }),
  cameras: Type.Array(
    Type.Object({
      ...Offered,
      here: OrNull(Type.String({ description: 'Name of its path on this server, if it has one.' })),
    }),
  ),
});
export type CameraSettingsAnswer = PermittedSettings;
export type BoxAnswer = Static<typeof Item>;
export type CamerasWanted = Static<typeof Chosen>;

export interface BoxControl {
  list(): readonly BoxAnswer[];
  /** Pairs, and adds paths for the cameras. @throws PerchError */
  add(invitation: string, cameras: CamerasWanted): Promise<BoxAnswer>;
  /** Adds paths for cameras that have none. @throws PerchError notFound, badInput */
  addCameras(id: string, cameras: CamerasWanted): Promise<void>;
  /** @throws PerchError notFound, badInput */
  setAddresses(id: string, addresses: readonly string[]): void;
  /** @throws PerchError notFound */
  rename(id: string, name: string): void;
  /** Removes its paths, too. @returns false: there is no such box */
  remove(id: string): Promise<boolean>;
}

const TAG = 'boxes';
const params = Type.Object({ id: Type.String() });

/** Boxes whose cameras this server shows: for the owner. */
export function boxRoutes(app: FastifyInstance, boxes: BoxControl, settings: () => Promise<BoxSettings>): void {
  settingsRoutes(app, settings);
  noStore(app);
  const list = operation(TAG, 'Boxes whose cameras this server shows', answers(pageOf(Item)));
  app.get('/v3/boxes/list', { schema: list }, ({ query }) => paginate(boxes.list(), query));
  const add = operation(TAG, 'Pairs with a box, by its invitation', answers(Item, 400, 503, 504), { body: NewBox });
  app.post('/v3/boxes', { bodyLimit: MAX_BODY_BYTES, schema: add }, async ({ body }) => {
    const { invitation, cameras = 'all' } = checkedBody(NewBox, body);
    return boxes.add(invitation, cameras);
  });
  const change = operation(TAG, 'Adds cameras of a box, or sets its addresses or name', answers(OkAnswer, 400, 404), {
    params,
    body: BoxChange,
  });
  app.patch<{ Params: { id: string } }>(
    '/v3/boxes/:id',
    { bodyLimit: MAX_BODY_BYTES, schema: change },
    async ({ params: { id }, body }) => {
      const { addresses, cameras, name } = checkedBody(BoxChange, body);
      if (name !== undefined) {
        boxes.rename(id, name);
      }
      if (addresses) {
        boxes.setAddresses(id, addresses);
      }
      if (cameras) {
        await boxes.addCameras(id, cameras);
      }
      return OK;
    },
  );
  const remove = operation(TAG, 'Ends the pairing with a box, and removes its paths', answers(OkAnswer, 404), {
    params,
  });
  app.delete<{ Params: { id: string } }>('/v3/boxes/:id', { schema: remove }, async ({ params: { id } }) => {
    if (!(await boxes.remove(id))) {
      throw new PerchError('notFound', 'box not found');
    }
    return OK;
  });
}

function settingsRoutes(app: FastifyInstance, settings: () => Promise<BoxSettings>): void {
  const params = PathName;
  const read = operation(TAG, 'Settings of a camera of a box', answers(PermittedSettings, 400, 404, 503), { params });
  app.get('/v3/boxes/settings/*', { schema: read }, async (request) => (await settings()).read(pathName(request)));
  const change = operation(TAG, 'Changes settings of a camera of a box', answers(OkAnswer, 400, 404, 503), {
    params,
    body: SettingsChange,
  });
  app.patch('/v3/boxes/settings/*', { bodyLimit: MAX_BODY_BYTES, schema: change }, async (request) => {
    const path = pathName(request);
    await (await settings()).change(path, checkedBody(SettingsChange, request.body));
    return OK;
  });
}
