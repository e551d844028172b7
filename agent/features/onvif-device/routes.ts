import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';

const Text = OrNull(Type.String({ description: 'Error message, for people.' }));
const OnvifState = Type.Object({
  isOn: Type.Boolean(),
  isDiscoverable: Type.Boolean({ description: 'Value of `onvifDiscovery`.' }),
  hasPassword: Type.Boolean({ description: 'A device password permits ONVIF. Without one, no recorder can log in.' }),
  cameras: Type.Array(
    Type.Object({
      path: Type.String(),
      name: Type.String(),
      port: OrNull(Type.Integer({ description: 'Port of its ONVIF device service. Null: it could not be opened.' })),
      error: Text,
    }),
  ),
  urls: Type.Array(OrNull(Type.String()), {
    description:
      'URLs of the device services, in the order of `cameras`. HOST stands for this box. Null: a camera without a port.',
  }),
  subscriptions: Type.Integer({ description: 'Number of recorders that wait for events.' }),
  discoveryError: OrNull(Type.String({ description: 'Why recorders do not find the cameras, for people.' })),
  refused: OrNull(
    Type.Object({
      why: Type.Enum(['wrong', 'rights', 'clock', 'clear', 'replay']),
      user: Type.String(),
      address: Type.String(),
      path: Type.String(),
      time: TimeText,
    }),
  ),
});
export type OnvifState = Static<typeof OnvifState>;

/** The ONVIF devices for other recorders. */
export function onvifRoutes(
  app: FastifyInstance,
  onvif: { readonly state: OnvifState; test(): Promise<OnvifState> },
): void {
  const state = operation('box', 'ONVIF devices for other recorders, and the last refused login', answers(OnvifState));
  app.get('/v3/onvif', { schema: state }, async () => onvif.state);
  const test = operation(
    'box',
    'Open closed ports again, and search for the cameras as recorders do: the state afterwards, within 3 s',
    answers(OnvifState),
  );
  app.post('/v3/onvif/test', { schema: test }, async () => onvif.test());
}
