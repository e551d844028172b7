import Type from 'typebox';
import { explain, rethrowUnexpected } from '../../base/errors.ts';
import type { Fault } from '../../config/schema/common/key-rules.ts';
import type { FeatureKeys } from '../../config/schema/feature-keys.ts';
import { readDatabaseURL } from './database/database-url.ts';

const schema = {
  databaseURL: Type.String({
    default: '',
    maxLength: 1_000,
    secret: true,
    description:
      'PostgreSQL for the people and pairings of several servers: postgres://USER:PASSWORD@HOST/NAME. Read at the start. Empty: files.',
  }),
  natsURL: Type.String({
    default: '',
    maxLength: 1_000,
    syntax: 'natsUrl',
    description:
      'NATS servers of the fleet: tls://HOST:4222, those of a cluster with commas between. Needs the file of perch fleet join.',
  }),
  replicaAddress: Type.String({
    default: '',
    maxLength: 300,
    syntax: 'boxAddress',
    description:
      'On a server: HOST:PORT of its https, at which boxes and the other servers of the fleet reach this very server.',
  }),
};

/** Servers that share their state, and the bus of their boxes. */
export const FLEET: FeatureKeys<typeof schema> = {
  title: 'Fleet',
  schema,
  isRight: true,
  faults: ({ databaseURL }) => (databaseURL === '' ? [] : databaseFaults(databaseURL)),
};

function databaseFaults(url: string): readonly Fault[] {
  const key = 'databaseURL';
  try {
    const { isVerified, host, isLocal } = readDatabaseURL(url);
    const message = `${host} is reached without TLS (sslmode=disable): whoever is on the way reads passwords and takes part`;
    return isVerified || isLocal ? [] : [{ key, message, isWarning: true }];
  } catch (error) {
    rethrowUnexpected(error);
    return [{ key, message: explain(error) }];
  }
}
