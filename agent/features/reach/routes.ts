import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';

const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
const Transport = Type.Enum(['tcp', 'udp']);
const Protocol = Type.Enum(['pcp', 'natPmp', 'upnp']);

const Mapping = Type.Object({
  name: Type.Enum(['https', 'httpsIpv6', 'wireguard'], { description: 'httpsIpv6: only while it is open.' }),
  transport: Transport,
  port: Port,
  state: Type.Enum(['asking', 'open', 'failed']),
  outsidePort: OrNull(Port),
  until: OrNull(Type.String({ description: 'End of the lease, RFC 3339. It is renewed at half of it.' })),
  error: OrNull(Type.String({ description: 'Error message, for people.' })),
  why: OrNull(
    Type.String({
      description: 'noRouter, noProtocol, refused, offline, full, taken, noLease, unanswered, or other.',
    }),
  ),
});

const Test = Type.Object({
  time: TimeText,
  router: OrNull(Type.String({ description: 'IPv4 address of the router. Null: there is none.' })),
  own: OrNull(Type.String({ description: 'Address of this box in the network of the router.' })),
  protocols: Type.Array(Protocol, { description: 'Ways in which the router takes orders.' }),
  outside: OrNull(Type.String({ description: 'Address of the router on its other side. Null: it does not say it.' })),
  verdict: Type.Enum(['public', 'carrier', 'private', 'offline', 'unknown', 'direct', 'noRouter'], {
    description:
      'public: the internet reaches the router. carrier: the provider shares one address among customers. private: another router is before this one. direct: this box itself has a public address.',
  }),
  ipv6: Type.Array(Type.String(), { description: 'Public addresses of this box.' }),
  ipv6Firewall: OrNull(
    Type.Enum(['asked', 'on', 'off', 'unknown'], {
      description:
        'Firewall of the router. asked: it lets a port through when Perch asks by PCP. on: it does not take orders of Perch. Null: no router of IPv6, or no public address.',
    }),
  ),
  forwarded: OrNull(
    Type.Array(
      Type.Object({
        transport: Transport,
        port: Port,
        outsidePort: Port,
        description: Type.String(),
        key: OrNull(
          Type.String({
            description: 'Key of the port, if Perch serves it without encryption: it should not be open.',
          }),
        ),
      }),
      { description: 'What the router forwards to this box. Null: it does not say it.' },
    ),
  ),
});

const ReachState = Type.Object({
  isOn: Type.Boolean(),
  obstacle: OrNull(
    Type.Enum(['noOwner', 'noHttps', 'public'], {
      description:
        'Why no port is opened: the box has no owner, https is off, or the configuration lets anyone in without a password.',
    }),
  ),
  httpsPort: OrNull(Port),
  url: OrNull(Type.String({ description: 'Address of the page from outside, while the https port is open.' })),
  urlIpv6: OrNull(Type.String({ description: 'The same by IPv6, while the router lets the port through.' })),
  mappings: Type.Array(Mapping),
  wireguard: Type.Object({
    supported: Type.Boolean({
      description: 'false: Perch was not installed from a package that has the part of it that runs as root.',
    }),
    missing: Type.Array(Type.String(), { description: 'Debian packages that are needed and not installed.' }),
    isOn: Type.Boolean(),
    port: OrNull(Port),
    address: OrNull(Type.String({ description: 'Address of this box for phones.' })),
    endpoint: OrNull(Type.String({ description: 'Where phones find the box from outside, if the router says it.' })),
    phones: Type.Array(
      Type.Object({
        key: Type.String({ description: 'Public key.' }),
        name: Type.String(),
        address: Type.String(),
        seen: OrNull(Type.String({ description: 'Last handshake, RFC 3339. Null: none since WireGuard began.' })),
      }),
    ),
  }),
  test: OrNull(Test),
});
export type ReachState = Static<typeof ReachState>;

const Turn = Type.Object({ on: Type.Boolean() }, { additionalProperties: false });
const NewPhone = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 32, description: 'Name of the phone.' }),
    endpoint: Type.Optional(
      Type.String({
        maxLength: 260,
        pattern: '^([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\\[[0-9A-Fa-f:.]{2,45}\\])(:[0-9]{1,5})?$',
        description: 'Name or address of the box on the internet, such as home.example or home.example:51820.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type NewPhone = Static<typeof NewPhone>;
const Configuration = Type.Object({
  configuration: Type.String({ description: "For the phone, with the phone's private key: it is shown once." }),
});
const Key = Type.Object({ key: Type.String({ pattern: '^[A-Za-z0-9+/]{43}=$' }) }, { additionalProperties: false });

export interface ReachControl {
  state(): ReachState;
  /** Asks the router, and changes nothing there. */
  test(): Promise<ReachState>;
  /** @throws PerchError */
  turnWireGuard(isOn: boolean): Promise<ReachState>;
  /** @returns the phone's configuration, which is not kept @throws PerchError */
  addPhone(phone: NewPhone): Promise<string>;
  /** @throws PerchError */
  removePhone(key: string): Promise<void>;
}

/** Whether the box can be reached from the internet. */
export function reachRoutes(app: FastifyInstance, reach: ReachControl): void {
  const state = operation('box', 'Ports that the router forwards to this box', answers(ReachState));
  app.get('/v3/reach', { schema: state }, async () => reach.state());
  const test = operation('box', 'Ask the router whether the box can be reached from outside', answers(ReachState));
  app.post('/v3/reach/test', { bodyLimit: 1_024, schema: test }, async () => reach.test());
  const turn = operation('box', 'Turn WireGuard on or off', answers(ReachState, 400, 413, 429, 501, 504), {
    body: Turn,
  });
  app.post('/v3/reach/wireguard', { bodyLimit: 1_024, schema: turn }, async ({ body }) =>
    reach.turnWireGuard(checkedBody(Turn, body).on),
  );
  const add = operation('box', 'Let a phone in by WireGuard', answers(Configuration, 400, 413, 429, 501, 504), {
    body: NewPhone,
  });
  app.post('/v3/reach/phones', { bodyLimit: 2_048, schema: add }, async ({ body }, reply) => {
    reply.header('Cache-Control', 'no-store');
    return { configuration: await reach.addPhone(checkedBody(NewPhone, body)) };
  });
  const revoke = operation('box', 'Revoke a phone', answers(ReachState, 400, 404, 413, 429, 501, 504), { body: Key });
  app.post('/v3/reach/phones/revoke', { bodyLimit: 1_024, schema: revoke }, async ({ body }) => {
    await reach.removePhone(checkedBody(Key, body).key);
    return reach.state();
  });
}
