import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';

const Why = OrNull(
  Type.String({ description: 'name, unreachable, timeout, certificate, noTls, login, noMqtt, or other.' }),
);
const Failure = { error: OrNull(Type.String({ description: 'Error message, for people.' })), why: Why };
const MqttState = Type.Object({
  state: Type.Enum(['off', 'connecting', 'connected', 'waiting']),
  ...Failure,
  since: OrNull(TimeText),
  queued: Type.Integer({ description: 'Events that the broker has not confirmed. They are kept on the disk.' }),
  dropped: Type.Integer({ description: 'Events dropped beyond 10,000, since the start.' }),
});
export type MqttState = Static<typeof MqttState>;

const MqttTest = Type.Object(
  {
    mqttURL: Type.Optional(Type.String({ maxLength: 300 })),
    mqttUser: Type.Optional(Type.String({ maxLength: 256 })),
    mqttPassword: Type.Optional(
      Type.String({ maxLength: 256, description: 'Needed when mqttURL has another host than the configuration.' }),
    ),
    mqttFingerprint: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false, description: 'Absent values are those of the configuration.' },
);
export type MqttTest = Static<typeof MqttTest>;
const MqttResult = Type.Object({ isGood: Type.Boolean(), ...Failure });
export type MqttResult = Static<typeof MqttResult>;

export interface MqttControl {
  readonly status: MqttState;
  /** Connects and logs in with these settings. @throws PerchError badInput for invalid ones, exhausted during another test */
  test(settings: MqttTest): Promise<MqttResult>;
}

/** The link to the MQTT broker. */
export function mqttRoutes(app: FastifyInstance, mqtt: MqttControl): void {
  const state = operation('box', 'State of the link to the MQTT broker', answers(MqttState));
  app.get('/v3/mqtt', { schema: state }, async () => mqtt.status);
  const test = operation('box', 'Try to log in at an MQTT broker', answers(MqttResult, 400, 413, 429), {
    body: MqttTest,
  });
  app.post('/v3/mqtt/test', { bodyLimit: 8_192, schema: test }, async ({ body }) =>
    mqtt.test(checkedBody(MqttTest, body)),
  );
}
