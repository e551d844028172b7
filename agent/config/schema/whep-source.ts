import Type from 'typebox';
import { Duration } from '../values/duration.ts';
import { notPositive, type SourceKeys } from './key-rules.ts';

const schema = {
  whepBearerToken: Type.String({
    default: '',
    maxLength: 4_096,
    secret: true,
    description: 'With a source whep://: token for the server.',
  }),
  whepSTUNGatherTimeout: Duration('5s', 'With a source whep://: longest wait for its STUN and TURN servers.'),
  whepHandshakeTimeout: Duration('10s', 'With a source whep://: longest time until it is connected.'),
  whepTrackGatherTimeout: Duration('2s', 'With a source whep://: longest wait for all of its tracks.'),
};

export const WHEP_SOURCE: SourceKeys<typeof schema> = {
  schemes: ['whep', 'wheps'],
  example: 'wheps://server.example/garden/whep',
  schema,
  faults: (settings) =>
    notPositive(settings, ['whepSTUNGatherTimeout', 'whepHandshakeTimeout', 'whepTrackGatherTimeout']),
  inert: [],
  renamed: {},
};
