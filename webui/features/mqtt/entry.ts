import type { FeatureEntry } from '../contract.ts';
import { MqttPage } from './mqtt.tsx';
import { mqttWords } from './words.ts';

export const mqtt: FeatureEntry = {
  name: 'mqtt',
  pages: [
    {
      section: 'system',
      part: 'mqtt',
      row: () => ({ title: mqttWords.value.title, text: mqttWords.value.row }),
      page: MqttPage,
    },
  ],
};
