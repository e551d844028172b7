import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { ErrorAnswer, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { CamerasChoice } from './people-routes.ts';

const MAX_BODY_BYTES = 1 << 18;

const NewDevice = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'For people, such as `Recorder in the cellar`.' }),
    paths: Type.Optional(CamerasChoice),
    live: Type.Optional(Type.Boolean({ description: 'Watches live video; default true.' })),
    recordings: Type.Optional(Type.Boolean({ description: 'Plays recordings.' })),
    publish: Type.Optional(Type.Boolean({ description: 'Publishes streams, and talks through cameras.' })),
    onvif: Type.Optional(Type.Boolean({ description: 'Reserved for an ONVIF server; unused.' })),
  },
  { additionalProperties: false },
);
const DeviceFields = {
  id: Type.String(),
  name: Type.String(),
  user: Type.String({ description: 'User name of the device.' }),
  paths: CamerasChoice,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  publish: Type.Boolean(),
  onvif: Type.Boolean(),
  created: Type.String({ description: 'RFC 3339.' }),
};
const pageOf = <T extends Type.TSchema>(item: T) =>
  Type.Object({ itemCount: Type.Integer(), pageCount: Type.Integer(), items: Type.Array(item) });
const DeviceMade = Type.Object({ ...DeviceFields, password: Type.String({ description: 'Shown once.' }) });
const loginItem = (protocols: readonly string[]) =>
  Type.Object({
    id: Type.String(),
    user: Type.String(),
    protocol: Type.Enum([...protocols, 'playback']),
    address: Type.String(),
    last: Type.String({ description: 'RFC 3339.' }),
  });

interface Rights {
  readonly paths: 'all' | readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
  readonly publish: boolean;
  readonly onvif: boolean;
}

interface Device extends Rights {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly createdMs: number;
}

/** Device passwords and log-ins with page passwords, as needed here. */
interface DevicePasswordLookup {
  readonly devices: { list(): readonly Device[] };
  addDevice(wish: Rights & { readonly name: string }): Promise<{ readonly item: Device; readonly password: string }>;
  removeDevice(id: string): Promise<boolean>;
  readonly pageLogins: {
    list(): readonly {
      readonly id: string;
      readonly user: string;
      readonly protocol: string;
      readonly address: string;
      /** Unix milliseconds. */
      readonly last: number;
    }[];
    forget(id: string): Promise<boolean>;
  };
}

interface DevicePasswordRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly people: DevicePasswordLookup;
  /** Of servers. */
  readonly protocols: readonly string[];
}

const tags = ['device passwords'];
const answers = { 200: OkAnswer, 400: ErrorAnswer, 401: ErrorAnswer, 404: ErrorAnswer };
const params = Type.Object({ id: Type.String() });

/** Passwords for players, recorders and publishers: for the owner, on the main port only. */
export const devicePasswordRoutes: FastifyPluginAsync<DevicePasswordRoutesOptions> = async (
  app,
  { access, people, protocols },
) => {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
  const onRequest = (request: FastifyRequest) => access.require(request, 'admin', '');

  const list = {
    summary: 'Device passwords',
    tags,
    response: { 200: pageOf(Type.Object(DeviceFields)), 401: ErrorAnswer },
  };
  app.get('/v3/devicepasswords', { onRequest, schema: list }, ({ query }) =>
    paginate(people.devices.list().map(shown), query),
  );

  const add = {
    summary: 'Creates a device password, which is generated and shown once',
    ...{ tags, body: NewDevice, response: { ...answers, 200: DeviceMade } },
  };
  app.post('/v3/devicepasswords', { onRequest, bodyLimit: MAX_BODY_BYTES, schema: add }, async (request) => {
    const { name, paths = 'all', live = true, ...others } = checkedBody(NewDevice, request.body);
    const { recordings = false, publish = false, onvif = false } = others;
    if (![live, recordings, publish, onvif].some(Boolean)) {
      throw new PerchError('badInput', 'a device password permits at least one of live, recordings, publish, onvif');
    }
    const { item, password } = await people.addDevice({ name, paths, live, recordings, publish, onvif });
    return { ...shown(item), password };
  });

  const remove = {
    summary: 'Revokes a device password; what the device plays or publishes ends',
    ...{ tags, params, response: answers },
  };
  app.delete<{ Params: { id: string } }>('/v3/devicepasswords/:id', { onRequest, schema: remove }, async (request) => {
    if (!(await people.removeDevice(request.params.id))) {
      throw new PerchError('notFound', 'device password not found');
    }
    return { status: 'ok' };
  });

  const logins = {
    summary: 'Programs that have logged in with a page password in the last 30 days',
    ...{ tags, response: { 200: pageOf(loginItem(protocols)), 401: ErrorAnswer } },
  };
  app.get('/v3/pagelogins', { onRequest, schema: logins }, ({ query }) =>
    paginate(
      people.pageLogins.list().map(({ last, ...login }) => ({ ...login, last: new Date(last).toISOString() })),
      query,
    ),
  );

  const forget = {
    summary: 'Removes a program from the list until it logs in again',
    ...{ tags, params, response: answers },
  };
  app.delete<{ Params: { id: string } }>('/v3/pagelogins/:id', { onRequest, schema: forget }, async (request) => {
    if (!(await people.pageLogins.forget(request.params.id))) {
      throw new PerchError('notFound', 'log-in not found');
    }
    return { status: 'ok' };
  });
};

const shown = ({ createdMs, ...device }: Device): object => ({ ...device, created: new Date(createdMs).toISOString() });
