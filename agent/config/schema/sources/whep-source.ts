import Type from 'typebox';
import { Duration } from '../../values/duration.ts';
import { notPositive, type SourceKeys } from '../common/key-rules.ts';

const schema = {
  whepBearerToken: Type.String({
    default: '',
    maxLength: 4_096,
    secret: true,
    description: 'With a source whep://: bearer token for the server.',
  }),
  whepSTUNGatherTimeout: Duration('5s', 'With a source whep://: wait this long for its STUN and TURN servers.'),
  whepHandshakeTimeout: Duration('10s', 'With a source whep://: fail if it is not connected after this time.'),
  whepTrackGatherTimeout: Duration('2s', 'With a source whep://: wait this long for all of its tracks.'),
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
