import { mqtt } from './en/mqtt.ts';
import { wordsOf } from './words.ts';

export const mqttWords = wordsOf('mqtt', mqtt);
