import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { DeviceItem } from '../../../auth/accounts/device-passwords.ts';
import type { People } from '../../../auth/accounts/people.ts';
import { PerchError } from '../../../base/errors.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore, OK, OkAnswer } from '../../messages/responses.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, operation, pageOf, TimeText } from '../schema/schemas.ts';
import { CamerasChoice } from './people-routes.ts';

const NewDevice = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, description: 'For people, such as `Recorder in the cellar`.' }),
    paths: Type.Optional(CamerasChoice),
    live: Type.Optional(Type.Boolean({ description: 'Watches live video; default true.' })),
    recordings: Type.Optional(Type.Boolean({ description: 'Plays recordings.' })),
    publish: Type.Optional(Type.Boolean({ description: 'Publishes streams, and talks through cameras.' })),
    onvif: Type.Optional(
      Type.Boolean({
        description: 'A recorder with ONVIF: watches live, gets events and snapshots, and moves cameras.',
      }),
    ),
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
  created: TimeText,
};
const DeviceMade = Type.Object({ ...DeviceFields, password: Type.String({ description: 'Shown once.' }) });
const loginItem = (protocols: readonly string[]) =>
  Type.Object({
    id: Type.String(),
    user: Type.String(),
    protocol: Type.Enum([...protocols, 'playback']),
    address: Type.String(),
    last: TimeText,
  });

interface DevicePasswordRoutesOptions {
  readonly access: Pick<HttpAccess, 'require'>;
  readonly people: Pick<People, 'devices' | 'addDevice' | 'removeDevice' | 'pageLogins'>;
  /** Names of the servers' protocols. */
  readonly protocols: readonly string[];
}

const params = Type.Object({ id: Type.String() });
const changed = answers(OkAnswer, 400, 404);

const list = operation('device passwords', 'Device passwords', answers(pageOf(Type.Object(DeviceFields))));
const add = operation(
  'device passwords',
  'Creates a device password, which is generated and shown once',
  answers(DeviceMade, 400, 404),
  { body: NewDevice },
);
const remove = operation(
  'device passwords',
  'Revokes a device password; what the device plays or publishes ends',
  changed,
  { params },
);
const forget = operation('device passwords', 'Removes a program from the list until it logs in again', changed, {
  params,
});

/** Passwords for players, recorders and publishers: for the owner, on the main port only. */
export const devicePasswordRoutes: FastifyPluginAsync<DevicePasswordRoutesOptions> = async (
  app,
  { access, people, protocols },
) => {
  noStore(app);
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  app.get('/v3/devicepasswords', { schema: list }, ({ query }) =>
    paginate(people.devices.list().map(deviceJson), query),
  );
  app.post('/v3/devicepasswords', { bodyLimit: 1 << 18, schema: add }, async (request) => {
    const { name, paths = 'all', live = true, ...others } = checkedBody(NewDevice, request.body);
    const { recordings = false, publish = false, onvif = false } = others;
    if (![live, recordings, publish, onvif].some(Boolean)) {
      throw new PerchError('badInput', 'a device password permits at least one of live, recordings, publish, onvif');
    }
    const { item, password } = await people.addDevice({ name, paths, live, recordings, publish, onvif });
    return { ...deviceJson(item), password };
  });
  app.delete<{ Params: { id: string } }>('/v3/devicepasswords/:id', { schema: remove }, async (request) => {
    if (!(await people.removeDevice(request.params.id))) {
      throw new PerchError('notFound', 'device password not found');
    }
    return OK;
  });
  const logins = operation(
    'device passwords',
    'Programs that have logged in with a page password in the last 30 days',
    answers(pageOf(loginItem(protocols))),
  );
  app.get('/v3/pagelogins', { schema: logins }, ({ query }) =>
    paginate(
      people.pageLogins.list().map(({ last, ...login }) => ({ ...login, last: new Date(last).toISOString() })),
      query,
    ),
  );
  app.delete<{ Params: { id: string } }>('/v3/pagelogins/:id', { schema: forget }, async (request) => {
    if (!(await people.pageLogins.forget(request.params.id))) {
      throw new PerchError('notFound', 'login not found');
    }
    return OK;
  });
};

const deviceJson = ({ createdMs, ...device }: DeviceItem): object => ({
  ...device,
  created: new Date(createdMs).toISOString(),
});
