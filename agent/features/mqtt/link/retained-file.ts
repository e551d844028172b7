import Type, { type Static } from 'typebox';

/** Name of the file in the data folder. */
export const MQTT_FILE = 'mqtt.json';

export const Retained = Type.Object({
  /** Id by which this box is known at every broker. */
  id: Type.String({ pattern: '^[0-9a-f]{12}$' }),
  /** Discovery topics that are retained at the broker. */
  announced: Type.Array(Type.String({ pattern: '^homeassistant/' })),
  /** Paths of the cameras whose states are retained at the broker, by prefix. Absent in files of earlier versions. */
  published: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
});
export type Retained = Static<typeof Retained>;
