import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { MAX_STATE_BYTES, STATE_KEPT_MS } from './box-side.ts';
import { MAX_EVENT_BYTES } from './outbox.ts';
import { bucketSubject, EVENT_STREAM, eventSubject, STATE_BUCKET, storedSubject } from './subjects.ts';

/** Servers list the events of a month. The two limits below may leave less. */
const EVENTS_KEPT_MS = 31 * 86_400_000;
/** Beyond it the oldest of the box are dropped: 12 days of ten cameras that report 200 events a day, each at its start and its end. */
const MAX_EVENTS_OF_BOX = 50_000;
/** Beyond it the oldest are dropped, of whichever box. 2,000 such boxes fill it in little more than a day, one with the largest events a fifth. */
const EVENTS_BYTES = 4e9;
const STATES_BYTES = 500e6;
const HEADER_BYTES = 1 << 10;
/** A stream ignores a second Nats-Msg-Id, also that of another box. So boxes send none, and this is the shortest time that NATS takes. */
const DUPLICATES_MS = 100;
/** Copies in a cluster; a server alone has one. */
const REPLICAS = 3;
/** Of a server alone, which rejects more than one copy. */
const NO_CLUSTER = 10_074;

/** Rejects requests to delete stored messages before they expire. NATS does not allow either setting to be unset. */
export const KEPT = { deny_purge: true, deny_delete: true };

/**
 * The confirmation of a stream goes where the message says, unchecked: to the subjects of another box, or to a request that empties the
 * stream. So the streams confirm nothing. What the stream of events has stored it says on a subject of the box, which no box can choose.
 */
const EVENTS = {
  name: EVENT_STREAM,
  subjects: [eventSubject('*')],
  ...KEPT,
  no_ack: true,
  republish: { src: eventSubject('*'), dest: storedSubject('{{wildcard(1)}}'), headers_only: true },
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_age: nanos(EVENTS_KEPT_MS),
  max_bytes: EVENTS_BYTES,
  max_msgs_per_subject: MAX_EVENTS_OF_BOX,
  max_msg_size: MAX_EVENT_BYTES + HEADER_BYTES,
  duplicate_window: nanos(DUPLICATES_MS),
};

/** As `Kvm` would make it, which would let a box delete all states by a header (`Nats-Rollup`). */
const STATES = {
  name: `KV_${STATE_BUCKET}`,
  subjects: [bucketSubject('>')],
  ...KEPT,
  no_ack: true,
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  max_age: nanos(STATE_KEPT_MS),
  max_bytes: STATES_BYTES,
  max_msgs_per_subject: 1,
  max_msg_size: MAX_STATE_BYTES + HEADER_BYTES,
  duplicate_window: nanos(DUPLICATES_MS),
};

/**
 * Makes the stream of events and the bucket of states unless the bus has them. Its owner may have made them with other limits.
 * @param limitMs for each answer of the bus
 * @throws PerchError unsupported if a box could misuse those that are there
 */
export async function openStores(
  client: NatsConnection,
  log: Logger,
  limitMs = 5_000,
): Promise<{ readonly manager: JetStreamManager; readonly states: KV }> {
  const manager = await jetstreamManager(client, { checkAPI: false, timeout: limitMs });
  await makeStream(manager, EVENTS, log);
  await makeStream(manager, STATES, log);
  return { manager, states: await new Kvm(jetstream(client)).open(STATE_BUCKET) };
}

type WantedStream = Pick<StreamConfig, 'name' | 'max_msg_size'> & Partial<StreamConfig>;

async function makeStream({ streams }: JetStreamManager, wanted: WantedStream, log: Logger): Promise<void> {
  const { name } = wanted;
  const found = await streams.info(name).catch((error: unknown) => {
    if (codeOf(error) !== JetStreamApiCodes.StreamNotFound) {
      throw error;
    }
    return undefined;
  });
  if (!found) {
    await streams.add({ ...wanted, num_replicas: REPLICAS }).catch((error: unknown) => {
      if (codeOf(error) !== NO_CLUSTER) {
        throw error;
      }
      log.info({ stream: name }, 'the NATS server is in no cluster: there is one copy of what the bus keeps');
      return streams.add({ ...wanted, num_replicas: 1 });
    });
    return;
  }
  const { config } = found;
  const isSafe = config.no_ack === true && config.allow_rollup_hdrs !== true;
  const isTold = config.republish?.dest === wanted.republish?.dest;
  const isLarge = config.max_msg_size === -1 || config.max_msg_size >= wanted.max_msg_size;
  if (!(isSafe && isTold && isLarge)) {
    const advice = `nats stream rm ${name}, and Perch makes it anew`;
    throw new PerchError('unsupported', `the stream ${name} of the bus has settings of another program: ${advice}`);
  }
  if (!isClosed(config)) {
    log.warn({ stream: name }, 'a request can empty what the bus keeps: perch fleet publish FOLDER prevents that');
  }
}

/** Whether a stream deletes nothing that it has stored, as `KEPT` says. */
export const isClosed = ({ deny_purge, deny_delete }: Pick<StreamConfig, 'deny_purge' | 'deny_delete'>): boolean =>
  deny_purge && deny_delete;

const codeOf = (error: unknown): number | undefined => (error instanceof JetStreamApiError ? error.code : undefined);
