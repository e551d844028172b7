import { Check } from 'typebox/value';
import type { Feature } from '../contract.ts';
import { MQTT } from './keys.ts';
import { MQTT_FILE, Retained } from './link/retained-file.ts';
import { Mqtt } from './mqtt.ts';
import { mqttRoutes } from './routes.ts';

export const mqtt: Feature = {
  name: 'mqtt',
  keys: MQTT,
  // The id that the broker and Home Assistant know this box by.
  backup: [{ name: MQTT_FILE, isWhole: (text) => Check(Retained, JSON.parse(text)) }],
  open(host) {
    const link = new Mqtt(host);
    return {
      component: link.component(),
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => mqttRoutes(app, link) }],
      problems: () => {
        const { state, error, why, since } = link.status;
        return state === 'waiting' && error !== null ? [{ why, text: error, since }] : [];
      },
    };
  },
};
