import { mqtt } from '../en/settings/mqtt.ts';
import { wordsOf } from '../words.ts';

export const mqttWords = wordsOf('mqtt', mqtt);
