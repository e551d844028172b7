import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore } from '../../http/messages/responses.ts';

/** Why a port cannot be for cameras. */
const OBSTACLES = ['wifi', 'bridge', 'defaultRoute', 'address'] as const;
/** Why no addresses are given there, or a request is rejected. */
export type NetworkReason =
  | (typeof OBSTACLES)[number]
  | 'dhcpServer'
  | 'noPort'
  | 'otherPort'
  | 'noInternet'
  | 'noCamera';

const Mac = Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$' });
const NetworkState = Type.Object({
  supported: Type.Boolean({
    description: 'false: Perch was not installed from a package that has the part of it that runs as root.',
  }),
  missing: Type.Array(Type.String(), { description: 'Debian packages that are needed and not installed.' }),
  interface: OrNull(Type.String({ description: 'The port for cameras. Null: there is none.' })),
  address: OrNull(
    Type.String({ description: 'Address of this box in that network, where it is also the time server.' }),
  ),
  fault: OrNull(Type.String({ description: 'Why cameras get no addresses from this box at present.' })),
  faultWhy: OrNull(
    Type.String({ description: 'The fault in one word: an obstacle, `dhcpServer`, `noPort` or `otherPort`.' }),
  ),
  time: Type.Boolean({ description: 'The box tells cameras the time.' }),
  ports: Type.Array(
    Type.Object({
      name: Type.String(),
      mac: Type.String(),
      connected: Type.Boolean({ description: 'A cable is plugged in.' }),
      obstacle: OrNull(
        Type.Enum([...OBSTACLES], {
          description:
            'Why the port cannot be for cameras. Whether a DHCP server answers there is only known once the port is chosen.',
        }),
      ),
    }),
  ),
  cameras: Type.Array(
    Type.Object({
      mac: Type.String(),
      address: Type.String(),
      name: OrNull(Type.String({ description: 'Name that the device gives itself.' })),
      lastSeen: OrNull(
        Type.String({
          format: 'date-time',
          description: 'When the device last asked for its address, which it does at least once an hour.',
        }),
      ),
      manufacturer: OrNull(Type.String({ description: 'Manufacturer, if a camera was found at this address.' })),
      path: OrNull(Type.String({ description: 'Path of the camera with this address.' })),
      releasedUntil: OrNull(TimeText),
    }),
    { description: 'Devices that have an address in that network now.' },
  ),
});
export type CameraNetworkAnswer = Static<typeof NetworkState>;

const Choice = Type.Object({
  interface: OrNull(
    Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$', description: 'Name of the port. Null: none.' }),
  ),
});
const OneCamera = Type.Object({ mac: Mac });

export interface CameraNetworkControl {
  state(): Promise<CameraNetworkAnswer>;
  choose(port: string | undefined, signal: AbortSignal): Promise<void>;
  release(mac: string, signal: AbortSignal): Promise<void>;
  withdraw(mac: string, signal: AbortSignal): Promise<void>;
}

const PATH = '/v3/camera-network';

/** A port of the box as a network for cameras. */
export function cameraNetworkRoutes(app: FastifyInstance, network: CameraNetworkControl): void {
  noStore(app);
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  const about = (summary: string, body?: typeof Choice | typeof OneCamera) =>
    operation('box', summary, answers(NetworkState, ...(body ? ([400, 409, 501, 504] as const) : [])), {
      ...(body && { body }),
    });
  app.get(PATH, { schema: about('Network for cameras, and who is there, for the owner') }, () => network.state());
  app.put(PATH, { schema: about('Choose the port for cameras, for the owner', Choice) }, async ({ body }) => {
    await network.choose(checkedBody(Choice, body).interface ?? undefined, closing.signal);
    return network.state();
  });
  const release = about('Let a camera of that network reach the internet for an hour, for the owner', OneCamera);
  app.post(`${PATH}/release`, { schema: release }, async ({ body }) => {
    await network.release(checkedBody(OneCamera, body).mac, closing.signal);
    return network.state();
  });
  const withdraw = about('Shut a released camera in again, for the owner', OneCamera);
  app.post(`${PATH}/withdraw`, { schema: withdraw }, async ({ body }) => {
    await network.withdraw(checkedBody(OneCamera, body).mac, closing.signal);
    return network.state();
  });
}
